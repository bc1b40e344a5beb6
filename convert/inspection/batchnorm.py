"""Compare pixels with the training statistics in a BatchNormalization.

Its moving mean and variance are those of its input in training. Synthetic faces, normalised in
some way and passed through the layers before it, only have the same if that way is right.

Of 14 networks with such layers the divergence was 0.0003 to 0.12 in the right range and at least
six times that in the next; in five more, trained for too few steps for the moving statistics to
settle, 0.19 or more in every range.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from convert.faces.synthetic import faces
from convert.loading.float_model import FloatModel, prepared
from convert.loading.layers import layers_of
from convert.normalisation import Normalisation
from edge.records import FloatArray

SEED = 12
FACES = 56
#: Keeps nearly constant channels from dominating.
EPSILON = 1e-6


def scales_inside(network: Any) -> bool:
    """Return whether the network normalises raw pixels itself.

    That is, before its first layer with weights.
    """
    for layer in layers_of(network):
        kind = type(layer).__name__
        if kind in ("Rescaling", "Normalization"):
            return True
        if layer.weights and kind != "BatchNormalization":
            return False
    return False


def divergences(model: FloatModel, candidates: Mapping[str, Normalisation]) -> dict[str, float]:
    """Return each normalisation's divergence from the BatchNormalization.

    This is the symmetric Kullback-Leibler divergence of two Gaussians per channel, the median over
    the channels. Empty where the network has no BatchNormalization.
    """
    if model.network is None:
        return {}
    pixels = prepared(faces(FACES, SEED)[0], model.input_shape).astype(np.float32)
    found = {}
    for name, normalisation in candidates.items():
        first = _first_batchnorm(model.network, normalisation(pixels))
        if first is None:
            return {}
        found[name] = _divergence(*first)
    return found


def _first_batchnorm(network: Any, pixels: FloatArray) -> tuple[Any, FloatArray] | None:
    """Return the BatchNormalization that runs first, and its input."""
    norms = [x for x in layers_of(network) if type(x).__name__ == "BatchNormalization"]
    calls_seen: list[tuple[Any, FloatArray]] = []

    def record(layer: Any) -> Any:
        call = layer.call

        def recording(inputs: Any, *arguments: Any, **named: Any) -> Any:
            calls_seen.append((layer, np.asarray(inputs)))
            return call(inputs, *arguments, **named)

        layer.call = recording
        return call

    calls = [(layer, record(layer)) for layer in norms]
    try:
        network(tf.constant(pixels), training=False)
    finally:
        for layer, call in calls:
            layer.call = call
    return calls_seen[0] if calls_seen else None


def _divergence(layer: Any, inputs: FloatArray) -> float:
    axes = tuple(range(inputs.ndim - 1))
    mean, variance = inputs.mean(axis=axes), inputs.var(axis=axes) + EPSILON
    moving_mean = np.asarray(layer.moving_mean)
    moving_variance = np.asarray(layer.moving_variance) + EPSILON
    ratio = variance / moving_variance
    shift = (mean - moving_mean) ** 2 * (1 / variance + 1 / moving_variance)
    return float(np.median((ratio + 1 / ratio + shift - 2) / 2))
