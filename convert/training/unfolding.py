"""Batch normalisation taken out of the convolutions that it was folded into.

Each convolution gets kernels of the size that training starts with, and the normalisation after it
the averages that it would have measured on some pictures, with a scale and an offset that undo
both. The network answers as the folded weights do, and learns as if it had never been folded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from edge.records import FloatArray

Folded = Sequence[tuple[keras.layers.Layer, keras.layers.Layer | None]]


def folded(model: keras.Model) -> Folded:
    """Return each layer with a kernel, with the normalisation that takes its output.

    They are in the order in which `model` computes.
    """
    after = {id(layer.input): layer for layer in model.layers if _normalises(layer)}
    return [
        (layer, after.get(id(layer.output)))
        for layer in model.layers
        if layer.weights and not _normalises(layer)
    ]


def unfold(
    model: keras.Model,
    layers: Folded,
    weights: Sequence[tuple[FloatArray, FloatArray]],
    pixels: Any,
) -> bool:
    """Give the layers of `model` the kernels and biases in `weights`; return whether they fit.

    `layers` are those of `folded`, in the order of `weights`, whose kernels have Keras' shape.
    `pixels` are float32, as the model takes them.
    """
    shapes = [tuple(layer.kernel.shape) for layer, _ in layers]
    if [kernel.shape for kernel, _ in weights] != shapes:
        return False
    scales = []
    for (layer, normalised), (kernel, bias) in zip(layers, weights, strict=True):
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


def _normalises(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)
