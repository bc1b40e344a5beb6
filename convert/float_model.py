"""A trained network in memory, whatever file it came from: pixels in, one row of numbers out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import tensorflow as tf

from convert.faces.synthetic_faces import faces
from convert.normalisation import Normalisation
from edge.classifier import prepare
from edge.errors import RefusedFile
from edge.records import ByteArray, FloatArray

BATCH = 32
#: Sigmoids that are all near zero are not blown up beyond this.
LEAST_SUM = 1 / 16


class Head(StrEnum):
    """What the network's last numbers are."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"
    LOGITS = "logits"


@dataclass(frozen=True)
class FloatModel:
    """`call` takes a float32 tensor `(N, h, w, c)`, normalised, and gives `(N, classes)`.

    `input_shape` is NHWC with N = 1. `network` is Keras's model, None for a SavedModel; `opened_by`
    says with what it was opened, `parameters` counts its weights.
    """

    call: Callable[[Any], Any]
    input_shape: tuple[int, int, int, int]
    classes: int
    head: Head
    network: Any
    opened_by: str
    parameters: int

    def raw(self, pixels: FloatArray) -> FloatArray:
        """What the network itself answers to normalised pixels `(N, h, w, c)`: `(N, classes)`."""
        return in_batches(self.call, pixels)

    def probabilities(self, pixels: ByteArray, normalisation: Normalisation) -> FloatArray:
        """Of raw pixels, uint8 `(N, h, w, c)`: float32 `(N, classes)`, each row summing to 1."""

        def answer(batch: Any) -> Any:
            return self.as_probabilities(self.call(normalise(batch, normalisation)))

        return in_batches(answer, pixels.astype(np.float32))

    def as_probabilities(self, answer: Any) -> Any:
        """The network's answer, a tensor `(N, classes)`, as probabilities.

        Sigmoids are divided by their sum, by way of its inverse root: tflite-runtime 2.14 has that
        in int8, but no division and no logarithm.
        """
        if self.head is Head.SOFTMAX:
            return answer
        if self.head is Head.LOGITS:
            return tf.nn.softmax(answer)
        root = tf.math.rsqrt(tf.maximum(tf.reduce_sum(answer, axis=1, keepdims=True), LEAST_SUM))
        return answer * (root * root)


def normalise(pixels: Any, normalisation: Normalisation) -> Any:
    """`normalisation` of a tensor of raw pixels; the identity adds nothing to the graph."""
    if normalisation.scale.ndim or normalisation.scale != 1:
        pixels = pixels * normalisation.scale
    if normalisation.offset.any():
        pixels = pixels + normalisation.offset
    return pixels


def prepared(pictures: Iterable[ByteArray], input_shape: tuple[int, int, int, int]) -> ByteArray:
    """Pictures `(N, height, width)` as the Pi would hand them over, uint8 `(N, h, w, c)`."""
    return np.concatenate([prepare(picture, input_shape) for picture in pictures])


def in_batches(call: Callable[[Any], Any], pixels: FloatArray) -> FloatArray:
    """`call` over `pixels` a batch at a time, so that memory does not grow with their number."""
    compiled = tf.function(call, reduce_retracing=True)
    starts = range(0, len(pixels), BATCH)
    parts = [compiled(tf.constant(pixels[start : start + BATCH])).numpy() for start in starts]
    return np.asarray(np.concatenate(parts), np.float32)


def head_of(call: Callable[[Any], Any], input_shape: tuple[int, int, int, int]) -> Head:
    """What kind of numbers `call` answers, from its answers to faces in every usual range.

    Raises `RefusedFile` where they are not numbers.
    """
    pixels = prepared(faces(14, seed=7)[0], input_shape).astype(np.float32)
    answers = in_batches(call, np.concatenate([pixels / 255, pixels / 127.5 - 1, pixels]))
    if not np.isfinite(answers).all():
        raise RefusedFile("the network answers NaN or infinity: its training failed")
    if answers.min() < 0 or answers.max() > 1 + 1e-3:
        return Head.LOGITS
    sums = answers.sum(axis=1)
    return Head.SOFTMAX if np.abs(sums - 1).max() < 1e-3 else Head.SIGMOID
