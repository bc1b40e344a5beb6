"""Networks of a student's report on this task, untrained: large, odd-sized, all convertible."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import pytest
from keras import layers

from convert import quantize
from tests.converting import converted


def cnn() -> keras.Model:
    """32,116,743 parameters."""
    penalty = keras.regularizers.l2(0.01)
    return keras.Sequential(
        [
            keras.Input((48, 48, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Conv2D(128, 3, padding="same", activation="relu", kernel_regularizer=penalty),
            layers.Conv2D(256, 3, activation="relu", kernel_regularizer=penalty),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(1024, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(7, activation="softmax"),
        ]
    )


def deep_cnn() -> keras.Model:
    """3,623,239 parameters, its convolutions in threes and fours."""
    network = keras.Sequential([keras.Input((48, 48, 1))])
    for width, normalised, plain, dropout in ((64, 2, 2, 0.5), (128, 2, 2, 0), (256, 2, 0, 0)):
        for _ in range(normalised):
            network.add(layers.Conv2D(width, 3))
            network.add(layers.BatchNormalization())
            network.add(layers.Activation("relu"))
        if dropout:
            network.add(layers.Dropout(dropout))
        for _ in range(plain):
            network.add(layers.Conv2D(width, 3, activation="relu"))
        if plain:
            network.add(layers.MaxPooling2D())
    network.add(layers.Flatten())
    for _ in range(2):
        network.add(layers.Dense(1024, activation="relu"))
        network.add(layers.Dropout(0.2))
    network.add(layers.Dense(7, activation="softmax"))
    return network


def small_cnn() -> keras.Model:
    """Six convolutions; the head that the report leaves open is an SVM's: linear, hinge loss."""
    network = keras.Sequential([keras.Input((48, 48, 1))])
    for width, dropout in ((64, 0.5), (64, 0.5), (128, 0)):
        network.add(layers.Conv2D(width, 3, activation="relu"))
        network.add(layers.Conv2D(width, 3, activation="relu"))
        network.add(layers.MaxPooling2D())
        network.add(layers.Dropout(dropout))
    network.add(layers.Flatten())
    network.add(layers.Dense(7, kernel_regularizer="l2"))
    network.compile("adam", "categorical_hinge")
    return network


def resnet50() -> keras.Model:
    """keras.applications.ResNet50 at 48x48x3 with a head for seven classes."""
    base = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(48, 48, 3))
    return keras.Sequential([base, layers.Flatten(), layers.Dense(7, activation="softmax")])


@pytest.mark.parametrize(
    ("build", "parameters"),
    [(cnn, 32_116_743), (deep_cnn, 3_623_239), (small_cnn, None), (resnet50, None)],
    ids=["cnn", "deep-cnn", "small-cnn", "resnet50"],
)
def test_network_of_the_report_converts(
    build: Callable[[], keras.Model], parameters: int | None, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(1)
    network = build()
    if parameters is not None:
        assert network.count_params() == parameters
    source, out = tmp_path / "network.keras", tmp_path / "network.tflite"
    network.save(source)
    options = {"labels": "fer", "input_range": "0..1"}
    # Untrained, it answers much the same to every face: whether the classes agree says nothing.
    card = converted(source, out, min_agreement=0.0, **options)
    assert card["compared"]["largest_difference"] < 0.1
    assert out.stat().st_size < source.stat().st_size / 3
    assert quantize.minimum_runtime(out.read_bytes()) <= quantize.OLDEST_RUNTIME
