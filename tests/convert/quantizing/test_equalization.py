"""Channel factors moved into weights; int8's error by layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from convert.faces.synthetic import faces
from convert.loading.float_model import prepared
from convert.normalisation import NAMED
from convert.quantizing import equalization, quantize
from convert.quantizing.layer_errors import Run, layer_errors, worst
from tests.support.converting import keras, opened, quiet


def test_factors_move_into_weights_without_changing_answers(tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)  # with other kernels the error may be larger
    network = keras.Sequential(
        [
            keras.Input((48, 48, 1)),
            keras.layers.Conv2D(6, 3, strides=2, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(7, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(2)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            count = layer.gamma.shape[0]
            # Of either sign, and a thousandfold apart in size: what int8 cannot hold in one scale.
            gamma = rng.choice([-1, 1], count) * 10 ** rng.uniform(-1.5, 1.5, count)
            spread = rng.uniform(0.1, 2, count)
            layer.set_weights([gamma, rng.normal(size=count), rng.normal(size=count), spread])
    model = opened(network, tmp_path)
    graph = quantize.frozen(model, NAMED["0..1"])
    pixels = prepared(faces(35, 4)[0], model.input_shape)
    import tensorflow as tf

    plain = tf.lite.TFLiteConverter.from_concrete_functions([graph]).convert()
    before, after = Run(plain), Run(equalization.equalized(plain))
    last = before.order[-1][0]
    for picture in pixels[:5]:
        np.testing.assert_allclose(before(picture)[last], after(picture)[last], atol=1e-5)
    measured = quantize.calibrated(graph, pixels, quiet)
    errors = layer_errors(measured, quantize.int8(measured), pixels)
    found = worst(errors)
    assert found is not None
    assert max(error.error for error in errors) < 0.15
