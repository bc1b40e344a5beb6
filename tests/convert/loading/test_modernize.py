"""Old descriptions of networks in today's terms."""

from __future__ import annotations

from typing import Any

import tf_keras

from convert.loading import keras1
from convert.loading.modernize import modernize
from convert.loading.sanitize import check_safe
from tests.support.converting import keras, small_network


def test_training_only_layers_go_and_old_words_are_translated() -> None:
    config = small_network().get_config()
    drop = {"class_name": "Dropout", "config": {"name": "d", "rate": 0.5, "unknown": 3}}
    config["layers"].insert(2, drop)
    modern = modernize({"class_name": "Sequential", "config": config}, keras.layers)
    kinds = [layer["class_name"] for layer in modern["config"]["layers"]]
    assert "Dropout" not in kinds
    assert keras.Sequential.from_config(modern["config"]).output_shape == (None, 7)


def test_keras_1_description_builds() -> None:
    def layer(name: str, **config: Any) -> dict[str, Any]:
        return {"class_name": name, "config": {"name": name.lower(), **config}}

    old = {
        "class_name": "Sequential",
        "config": [
            layer(
                "Convolution2D",
                nb_filter=4,
                nb_row=3,
                nb_col=5,
                border_mode="same",
                subsample=[2, 2],
                dim_ordering="tf",
                init="glorot_uniform",
                bias=True,
                activation="relu",
                batch_input_shape=[None, 48, 48, 1],
            ),
            layer("Dropout", p=0.5),
            layer("Flatten"),
            layer("Dense", output_dim=7, activation="softmax", init="uniform", W_regularizer=None),
        ],
    }
    translated = keras1.translated(old)["config"]
    assert translated[0]["config"]["kernel_size"] == [3, 5]
    for kind in (keras, tf_keras):
        modern = modernize(old, kind.layers)
        check_safe(modern, "old.h5", kind)
        network = kind.Sequential.from_config(modern["config"])
        assert network.output_shape == (None, 7)
        assert network.layers[-4].output.shape[1:] == (24, 24, 4)
