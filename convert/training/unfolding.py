"""Batch normalisation taken out of the convolutions that it was folded into.

Each convolution gets kernels of the size that training starts with, and the normalisation after it
the averages that it would have measured on some pictures, with a scale and an offset that undo
both. The network answers as the folded weights do, and learns as if it had never been folded.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import keras
import numpy as np

from edge.records import FloatArray

Folded = Sequence[tuple[keras.layers.Layer, keras.layers.Layer | None]]


def weighted(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers with weights, in the order in which they compute."""
    return [layer for layer in model.layers if layer.weights]


def in_sequence(model: keras.Model) -> Folded:
    """Return each layer with a kernel, with the normalisation that is the next with weights."""
    return [
        (layer, after if _normalises(after) else None)
        for layer, after in pairwise([*weighted(model), None])
        if not _normalises(layer)
    ]


def by_connection(model: keras.Model) -> Folded:
    """Return each layer with a kernel, with the normalisation that takes its output."""
    after = {id(layer.input): layer for layer in model.layers if _normalises(layer)}
    return [
        (layer, after.get(id(layer.output))) for layer in weighted(model) if not _normalises(layer)
    ]


def unfold(
    model: keras.Model,
    folded: Folded,
    weights: Sequence[tuple[FloatArray, FloatArray]],
    pixels: Any,
) -> bool:
    """Give the layers of `model` the kernels and biases in `weights`; return whether they fit.

    Both are in the same order, kernels in Keras' shape. `pixels` are float32, as the model takes
    them.
    """
    shapes = [tuple(layer.kernel.shape) for layer, _ in folded]
    if [kernel.shape for kernel, _ in weights] != shapes:
        return False
    scales = []
    for (layer, normalised), (kernel, bias) in zip(folded, weights, strict=True):
        if normalised is None:
            layer.set_weights([kernel, bias])
            continue
        # A depthwise kernel is (h, w, channels, 1), any other (h, w, in, out).
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        others, spread = ((0, 1, 3), np.s_[:, None]) if depthwise else ((0, 1, 2), np.s_[:])
        area = np.prod(kernel.shape[:2])
        usual = np.sqrt(2 / (area * (kernel.shape[2] + kernel.shape[3])))
        scale = np.maximum(np.sqrt(np.mean(kernel**2, axis=others)) / usual, 1e-6)
        layer.set_weights([kernel / scale[spread]])
        one = 1 - normalised.epsilon
        normalised.set_weights([scale, bias, np.zeros_like(bias), np.full_like(bias, one)])
        scales.append((layer, normalised, scale, bias))
    inner = keras.Model(model.inputs, [layer.output for layer, *_ in scales])
    outputs = inner.predict_on_batch(pixels)
    for (_, normalised, scale, bias), values in zip(scales, outputs, strict=True):
        mean, variance = values.mean(axis=(0, 1, 2)), values.var(axis=(0, 1, 2))
        wide = scale * np.sqrt(variance + normalised.epsilon)
        normalised.set_weights([wide, bias + scale * mean, mean, variance])
    return True


def _normalises(layer: keras.layers.Layer | None) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)
