"""What a network's first BatchNormalization remembers of the pixels that it was trained on.

Its moving mean and variance are those of its input in training. Synthetic faces, normalised one way
or another and pushed through the layers before it, have the same only if the way is the right one.

Of 14 networks with such layers the divergence was 0.0003 to 0.12 in the right range and six times
that or more in the next; in five more, trained for too few steps for the moving figures to settle,
0.19 or more in every range.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from convert.faces.synthetic_faces import faces
from convert.float_model import FloatModel, prepared
from convert.normalisation import Normalisation
from convert.opening.layers import layers_of
from edge.records import FloatArray

SEED = 12
FACES = 56
#: Keeps channels that are nearly constant from deciding alone.
TINY = 1e-6


def scales_inside(network: Any) -> bool:
    """Whether the network normalises raw pixels itself, before its first layer with weights."""
    for layer in layers_of(network):
        kind = type(layer).__name__
        if kind in ("Rescaling", "Normalization"):
            return True
        if layer.weights and kind != "BatchNormalization":
            return False
    return False


def divergences(model: FloatModel, ways: Mapping[str, Normalisation]) -> dict[str, float]:
    """For each way of normalising, how far it is from what the first BatchNormalization remembers.

    The symmetric Kullback-Leibler divergence of two Gaussians per channel, the median over the
    channels. Empty where the network has no BatchNormalization.
    """
    if model.network is None:
        return {}
    pixels = prepared(faces(FACES, SEED)[0], model.input_shape).astype(np.float32)
    found = {}
    for name, way in ways.items():
        seen = _first_seen(model.network, way(pixels))
        if seen is None:
            return {}
        found[name] = _divergence(*seen)
    return found


def _first_seen(network: Any, pixels: FloatArray) -> tuple[Any, FloatArray] | None:
    """The BatchNormalization that runs first, and its input."""
    norms = [x for x in layers_of(network) if type(x).__name__ == "BatchNormalization"]
    seen: list[tuple[Any, FloatArray]] = []

    def watch(layer: Any) -> Any:
        call = layer.call

        def watched(inputs: Any, *arguments: Any, **named: Any) -> Any:
            seen.append((layer, np.asarray(inputs)))
            return call(inputs, *arguments, **named)

        layer.call = watched
        return call

    calls = [(layer, watch(layer)) for layer in norms]
    try:
        network(tf.constant(pixels), training=False)
    finally:
        for layer, call in calls:
            layer.call = call
    return seen[0] if seen else None


def _divergence(layer: Any, inputs: FloatArray) -> float:
    axes = tuple(range(inputs.ndim - 1))
    mean, variance = inputs.mean(axis=axes), inputs.var(axis=axes) + TINY
    kept_mean = np.asarray(layer.moving_mean)
    kept_variance = np.asarray(layer.moving_variance) + TINY
    ratio = variance / kept_variance
    apart = (mean - kept_mean) ** 2 * (1 / variance + 1 / kept_variance)
    return float(np.median((ratio + 1 / ratio + apart - 2) / 2))
