"""One face in, probabilities out: the one definition of how a picture becomes a model's input."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edge.errors import ModelError, first_line
from edge.expressions.model_card import ModelCard, read_card
from edge.records import Box, ByteArray, FloatArray
from edge.tflite import RUNTIMES, build


def crop(gray: ByteArray, box: Box, margin: float) -> ByteArray:
    """Return the pixels of `box`, widened by `margin` of its size on each side.

    uint8 `(height, width)` in and out; what lies outside the frame repeats the frame's edge.
    """
    dx, dy = round(box.width * margin), round(box.height * margin)
    left, top = box.x - dx, box.y - dy
    right, bottom = box.x + box.width + dx, box.y + box.height + dy
    height, width = gray.shape
    inside = gray[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    over = max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0)
    if not any(over):
        return inside
    return np.asarray(cv2.copyMakeBorder(inside, *over, cv2.BORDER_REPLICATE), np.uint8)


def prepare(pixels: ByteArray, input_shape: tuple[int, int, int, int]) -> ByteArray:
    """Return a face `(height, width)` as input, uint8 NHWC of `input_shape`.

    Shrinking averages areas, growing interpolates linearly; a model with three channels gets the
    gray picture three times. Large faces are first shrunk to twice the model's size, so that they
    cost no more than small ones: 0.02 ms instead of 0.2 at 520 pixels.
    """
    _, height, width, channels = input_shape
    if pixels.shape[0] > 2 * height:
        pixels = _resized(pixels, 2 * width, 2 * height, cv2.INTER_LINEAR_EXACT)
    if pixels.shape != (height, width):
        shrinks = pixels.shape[0] > height
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR_EXACT
        pixels = _resized(pixels, width, height, how)
    return np.repeat(pixels[None, :, :, None], channels, axis=3)


def _resized(pixels: ByteArray, width: int, height: int, how: int) -> ByteArray:
    """Return `pixels` resized.

    Linear must be LINEAR_EXACT: INTER_LINEAR differs between CPUs.
    """
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=how), np.uint8)


class Classifier:
    """An int8 TFLite model with its card. Not for several threads at once.

    Raises `ModelError` where the file is refused (see `read_card`), no runtime can build it, or its
    tensors do not match its card.
    """

    def __init__(self, path: Path, runtimes: tuple[str, ...] = RUNTIMES) -> None:
        self.card: ModelCard = read_card(path)
        self.runtime, self._interpreter = build(path, runtimes)
        sources = self._interpreter.get_input_details()
        answers = self._interpreter.get_output_details()
        if len(sources) != 1 or len(answers) != 1:
            raise ModelError(
                f"{path}: has {len(sources)} inputs and {len(answers)} outputs; must be one of each"
            )
        (source,), (answer,) = sources, answers
        if source["dtype"] is not np.uint8 or tuple(source["shape"]) != self.card.input_shape:
            raise ModelError(
                f"{path}: the model takes {np.dtype(source['dtype']).name} {list(source['shape'])},"
                f" its card says uint8 {list(self.card.input_shape)}; convert it again"
            )
        if answer["shape"][-1] != len(self.card.labels):
            raise ModelError(
                f"{path}: the model answers {answer['shape'][-1]} classes, its card names"
                f" {len(self.card.labels)}; convert it again"
            )
        self._input, self._output = source["index"], answer["index"]
        scale, zero = answer["quantization"]
        self._scale, self._zero = (scale or 1.0), zero
        try:
            self.classify(np.zeros(self.card.input_shape[1:3], np.uint8))
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{path}: the model does not run: {first_line(error)}") from error

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in the order of the probabilities."""
        return self.card.labels

    def __call__(self, gray: ByteArray, box: Box) -> FloatArray:
        """Return the probabilities of the face at `box`, float32 `(classes,)`, sum 1."""
        return self.classify(crop(gray, box, self.card.crop_margin))

    def classify(self, pixels: ByteArray) -> FloatArray:
        """Return the probabilities of a picture of one face, uint8; see `__call__`."""
        self._interpreter.set_tensor(self._input, prepare(pixels, self.card.input_shape))
        self._interpreter.invoke()
        raw = self._interpreter.get_tensor(self._output)[0]
        answer = (raw.astype(np.float32) - self._zero) * self._scale
        # Eight bits leave a sum of a few parts in 256 beside 1.
        total = answer.sum()
        return answer / total if total > 0 else np.full_like(answer, 1 / len(answer))
