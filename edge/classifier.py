"""One face in, probabilities out: the one definition of how a picture becomes a model's input."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.errors import ModelError, first_line
from edge.model_card import ModelCard, read_card
from edge.records import Box, ByteArray, FloatArray

#: Tried in this order, each by building an interpreter: with numpy 2 the import of tflite-runtime
#: 2.14 works and only the building fails.
RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")


def crop(gray: ByteArray, box: Box, margin: float) -> ByteArray:
    """The pixels of `box`, widened by `margin` of its size on each side.

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
    """A face `(height, width)` as the model's input, uint8 NHWC of `input_shape`.

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
    """Linear interpolation must be the exact one: the other differs between processors."""
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=how), np.uint8)


class Classifier:
    """An int8 TFLite model with its card. Not for several threads at once.

    Raises `ModelError` where the file is refused (see `read_card`), no runtime can build it, or its
    tensors are not those its card tells of.
    """

    def __init__(self, path: Path, runtimes: tuple[str, ...] = RUNTIMES) -> None:
        self.card: ModelCard = read_card(path)
        self.runtime, self._interpreter = _build(path, runtimes)
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
        """Probabilities, float32 `(classes,)` summing to 1, of the face at `box` in a frame."""
        return self.classify(crop(gray, box, self.card.crop_margin))

    def classify(self, pixels: ByteArray) -> FloatArray:
        """Probabilities, float32 `(classes,)` summing to 1, of a picture of one face, uint8."""
        self._interpreter.set_tensor(self._input, prepare(pixels, self.card.input_shape))
        self._interpreter.invoke()
        raw = self._interpreter.get_tensor(self._output)[0]
        answer = (raw.astype(np.float32) - self._zero) * self._scale
        # Eight bits leave a sum of a few parts in 256 beside 1.
        total = answer.sum()
        return answer / total if total > 0 else np.full_like(answer, 1 / len(answer))


def _build(path: Path, runtimes: tuple[str, ...]) -> tuple[str, Any]:
    """The first runtime that can build the model, as `(name, interpreter)`."""
    reasons = []
    for name in runtimes:
        try:
            with _silence():
                interpreter = importlib.import_module(name).Interpreter(
                    model_path=str(path), num_threads=1
                )
                interpreter.allocate_tensors()
        except (ImportError, AttributeError, ValueError, RuntimeError, SystemError) as error:
            reasons.append(f"{name.partition('.')[0]}: {first_line(error)}")
        else:
            return name.partition(".")[0], interpreter
    raise ModelError(f"{path}: no TFLite runtime can load it ({'; '.join(reasons)})")


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing on standard error meanwhile: the runtime's C++ writes notes there that worry people.

    What matters comes as an exception.
    """
    if sys.stderr is None:  # it was closed when we were started
        yield
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
