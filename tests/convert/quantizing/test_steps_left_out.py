"""A step that should make int8 agree with float is left out where it does the contrary."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.converting import converted, keras

pytestmark = pytest.mark.slow


def deep_network() -> keras.Model:
    """24 convolutions with the weights that they begin with, and few doubts about its answers."""
    keras.utils.set_random_seed(2)
    layers = [
        keras.layers.Conv2D(
            16,
            3,
            padding="same",
            strides=2 if at in (0, 8, 16) else 1,
            activation="relu",
            kernel_initializer="he_normal",
        )
        for at in range(24)
    ]
    answer = keras.layers.Dense(
        7, activation="softmax", kernel_initializer=keras.initializers.RandomNormal(0, 3)
    )
    return keras.Sequential(
        [keras.Input((48, 48, 1)), *layers, keras.layers.GlobalAveragePooling2D(), answer]
    )


def test_bias_correction_is_left_out_where_it_ruins_a_deep_network(tmp_path: Path) -> None:
    deep_network().save(tmp_path / "deep.keras")
    card = converted(
        tmp_path / "deep.keras", tmp_path / "deep.tflite", labels="fer", input_range="0..1"
    )
    attempts = card["attempts"]
    assert attempts["synthetic faces"] < 0.5
    assert max(attempts, key=attempts.__getitem__) == card["calibration"]
    assert card["calibration"] == "synthetic faces, widened ranges, without bias correction"
    assert card["compared"]["agreement"] > 0.95
    assert "mixed" not in card
