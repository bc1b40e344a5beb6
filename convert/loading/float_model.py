"""A trained network in memory: pixels in, one row of numbers out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import tensorflow as tf

from convert.faces.synthetic import faces
from convert.normalisation import Normalisation
from edge.errors import RefusedFile
from edge.expressions.classifier import prepare
from edge.records import ByteArray, FloatArray

BATCH = 32
#: Smallest divisor of sigmoids, for when all of them are near zero.
MIN_SUM = 1 / 16


class Head(StrEnum):
    """The kind of the network's outputs."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"
    LOGITS = "logits"


@dataclass(frozen=True)
class FloatModel:
    """A network in memory, whichever library opened it.

    `call` takes a float32 tensor `(N, h, w, c)`, normalised, and returns `(N, classes)`.
    `input_shape` is NHWC with N = 1. `network` is the Keras model, None for a SavedModel;
    `opened_by` names the library; `parameters` is the number of weights.
    """

    call: Callable[[Any], Any]
    input_shape: tuple[int, int, int, int]
    classes: int
    head: Head
    network: Any
    opened_by: str
    parameters: int

    def raw(self, pixels: FloatArray) -> FloatArray:
        """Return the network's own outputs `(N, classes)` for normalised pixels."""
        return in_batches(self.call, pixels)

    def probabilities(self, pixels: ByteArray, normalisation: Normalisation) -> FloatArray:
        """Return probabilities, float32 `(N, classes)`, for raw uint8 pixels.

        Each row sums to 1.
        """

        def answer(batch: Any) -> Any:
            return self.as_probabilities(self.call(normalise(batch, normalisation)))

        return in_batches(answer, pixels.astype(np.float32))

    def as_probabilities(self, answer: Any) -> Any:
        """Convert the network's outputs, a tensor `(N, classes)`, to probabilities.

        Sigmoids are divided by their sum, computed from its inverse square root: tflite-runtime
        2.14 has that in int8, but no division and no logarithm.
        """
        if self.head is Head.SOFTMAX:
            return answer
        if self.head is Head.LOGITS:
            return tf.nn.softmax(answer)
        root = tf.math.rsqrt(tf.maximum(tf.reduce_sum(answer, axis=1, keepdims=True), MIN_SUM))
        return answer * (root * root)


def normalise(pixels: Any, normalisation: Normalisation) -> Any:
    """Apply `normalisation` to a tensor of raw pixels.

    The identity adds nothing to the graph.
    """
    if normalisation.scale.ndim or normalisation.scale != 1:
        pixels = pixels * normalisation.scale
    if normalisation.offset.any():
        pixels = pixels + normalisation.offset
    return pixels


def prepared(pictures: Iterable[ByteArray], input_shape: tuple[int, int, int, int]) -> ByteArray:
    """Return pictures as the Pi feeds them to a model, uint8 `(N, h, w, c)`."""
    return np.concatenate([prepare(picture, input_shape) for picture in pictures])


def in_batches(call: Callable[[Any], Any], pixels: FloatArray) -> FloatArray:
    """Run `call` over `pixels` in batches, to bound memory."""
    compiled = tf.function(call, reduce_retracing=True)
    starts = range(0, len(pixels), BATCH)
    parts = [compiled(tf.constant(pixels[start : start + BATCH])).numpy() for start in starts]
    return np.asarray(np.concatenate(parts), np.float32)


def head_of(call: Callable[[Any], Any], input_shape: tuple[int, int, int, int]) -> Head:
    """Determine what `call` outputs, from synthetic faces in every usual range.

    Raises `RefusedFile` if the outputs are not finite.
    """
    pixels = prepared(faces(14, seed=7)[0], input_shape).astype(np.float32)
    answers = in_batches(call, np.concatenate([pixels / 255, pixels / 127.5 - 1, pixels]))
    if not np.isfinite(answers).all():
        raise RefusedFile("the network outputs NaN or infinity: its training failed")
    if answers.min() < 0 or answers.max() > 1 + 1e-3:
        return Head.LOGITS
    sums = answers.sum(axis=1)
    return Head.SOFTMAX if np.abs(sums - 1).max() < 1e-3 else Head.SIGMOID
