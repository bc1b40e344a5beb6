"""Calibrate confidence by a temperature, folded into the weights."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from convert.training.style import LOGITS_LAYER, SOFTMAX_LAYER
from edge.records import FloatArray

#: Temperatures between 1/8 and 8 are searched, to one part in a thousand.
MAX_TEMPERATURE, STEPS = 8.0, 40
GOLDEN = (np.sqrt(5) - 1) / 2


def softmax(logits: FloatArray) -> FloatArray:
    """Return the softmax of each row of `(N, classes)`."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: FloatArray = powers / powers.sum(axis=1, keepdims=True)
    return result


def negative_log_likelihood(logits: FloatArray, labels: Any) -> float:
    """Return the mean `-log p` of the true class; `labels` are indices `(N,)`."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    chosen = shifted[np.arange(len(labels)), labels]
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - chosen))


def best_temperature(logits: FloatArray, labels: Any) -> float:
    """Return the T for which `softmax(logits / T)` makes `labels` most likely.

    Guo et al. 2017, arXiv 1706.04599. The loss is convex in 1/T, so a golden-section search finds
    its only minimum.
    """
    exact = logits.astype(np.float64)
    low, high = 1 / MAX_TEMPERATURE, MAX_TEMPERATURE
    for _ in range(STEPS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if negative_log_likelihood(exact * left, labels) < negative_log_likelihood(
            exact * right, labels
        ):
            high = right
        else:
            low = left
    return float(2 / (low + high))


def without_softmax(model: keras.Model) -> keras.Model:
    """Return the network without its final softmax: logits `(N, classes)`."""
    last = model.layers[-1]
    return keras.Model(model.inputs, last.input) if last.name == SOFTMAX_LAYER else model


def fold(model: keras.Model, temperature: float) -> None:
    """Divide the network's logits by `temperature`, in the weights of their layer."""
    head = model.get_layer(LOGITS_LAYER)
    head.set_weights([weight / temperature for weight in head.get_weights()])
