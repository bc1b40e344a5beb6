"""Batch normalisation in one operation: it learns what Keras's own does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convert.training.fused_batchnorm import FusedBatchNormalization, fused
from convert.training.networks import build
from tests.support.converting import keras

layers = keras.layers


def network(precision: str = "float32") -> keras.Model:
    """Normalised over 16 channels, over 24, in a model within it, without scale, and flat."""
    keras.utils.set_random_seed(3)
    keras.config.set_dtype_policy(precision)
    try:
        inputs = keras.Input((12, 12, 1))
        x = layers.BatchNormalization(momentum=0.8)(layers.Conv2D(16, 3)(inputs))
        x = layers.BatchNormalization()(layers.Conv2D(24, 3)(layers.ReLU()(x)))
        within = keras.Input(x.shape[1:])
        y = layers.BatchNormalization(epsilon=0.01)(layers.Conv2D(32, 3, strides=2)(within))
        x = keras.Model(within, layers.ReLU()(y), name="within")(x)
        x = layers.BatchNormalization(scale=False)(layers.Conv2D(16, 1)(x))
        x = layers.BatchNormalization()(layers.Flatten()(x))
        return keras.Model(inputs, layers.Dense(3, activation="softmax", dtype="float32")(x))
    finally:
        keras.config.set_dtype_policy("float32")


def trained(model: keras.Model) -> tuple[list[float], list[Any]]:
    """Its losses and weights after a few steps on the same faces."""
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, (20, 12, 12, 1)).astype("float32")
    y = np.eye(3, dtype="float32")[rng.integers(0, 3, 20)]
    model.compile(keras.optimizers.SGD(0.05), "categorical_crossentropy")
    return [float(model.train_on_batch(x, y)) for _ in range(6)], model.get_weights()


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("mixed_bfloat16", 0.03)])
def test_it_learns_what_kerass_own_learns(precision: str, tolerance: float) -> None:
    losses, weights = trained(network(precision))
    faster = fused(network(precision))
    ours, our_weights = trained(faster)
    assert losses[-1] < 0.8 * losses[0]
    np.testing.assert_allclose(ours, losses, atol=tolerance)
    for mine, theirs in zip(our_weights, weights, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=tolerance)


def test_where_it_is_used() -> None:
    faster = fused(network())
    used = [
        (layer.output.shape[-1], layer.epsilon)
        for layer in [*faster.layers, *faster.get_layer("within").layers]
        if type(layer) is FusedBatchNormalization
    ]
    assert used == [(16, 0.001), (32, 0.01)]


def test_a_network_keeps_its_weights_and_answers() -> None:
    model = build("tiny")
    faster = fused(model)
    faces = np.random.default_rng(1).integers(0, 256, (4, 48, 48, 1)).astype("float32")
    answers, expected = faster.predict(faces, verbose=0), model.predict(faces, verbose=0)
    np.testing.assert_allclose(answers, expected, atol=1e-5)
    names = [[layer.name for layer in each.layers] for each in (model, faster)]
    assert names[0] == names[1]


def test_a_layer_that_is_frozen_keeps_its_averages() -> None:
    faster = fused(network())
    layer = next(x for x in faster.layers if type(x) is FusedBatchNormalization)
    layer.trainable = False
    before = layer.get_weights()
    trained(faster)
    assert all(np.array_equal(a, b) for a, b in zip(before, layer.get_weights(), strict=True))
