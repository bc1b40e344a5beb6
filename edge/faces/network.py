"""The face network: an int8 TFLite model over a gray picture, at the input size that suits."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edge.errors import ModelError, first_line
from edge.faces.decode import Answer, DoubleArray, decoded, deduplicate
from edge.faces.network_card import Geometry, NetworkCard, read_card
from edge.faces.shrink import shrunk
from edge.records import Box, ByteArray
from edge.tflite import build


class Size(NamedTuple):
    """Of an input, in pixels."""

    width: int
    height: int


class Seen(NamedTuple):
    """A face as the network sees it; scores are log odds, 0 for as likely as not."""

    box: Box
    """In frame pixels, with the geometry of the Haar cascade's boxes."""
    score: float
    """That it is a face."""
    frontal: float
    """That it is turned to the camera, as a frontal cascade needs it."""


class _Sized(NamedTuple):
    """An interpreter for one input size; `outputs` are index, scale, zero of scores and boxes."""

    interpreter: Any
    pixels: int
    outputs: list[tuple[tuple[int, float, int], tuple[int, float, int]]]


class FaceNetwork:
    """The detector at `path`, loaded once. Not for several threads at once.

    Raises `ModelError` where the file is not a face detector that can be used.
    """

    def __init__(self, path: Path) -> None:
        self.card: NetworkCard = read_card(path)
        self._path = path
        self._sized: dict[Size, _Sized] = {}

    def detect(self, gray: ByteArray, area: Box, size: Size, least: float) -> list[Seen]:
        """Return the faces in `area` of a frame, the surest first.

        Its arguments are those of `boxes`.
        """
        faces = []
        for x, y, width, height, score, frontal in self.boxes(gray, area, size, least).tolist():
            square = _square(x + width / 2, y + height / 2, height, self.card.to_haar)
            faces.append(Seen(_within(square, gray.shape), score, frontal))
        return faces

    def boxes(self, gray: ByteArray, area: Box, size: Size, least: float) -> DoubleArray:
        """Return the network's own boxes in `area` of a frame, the surest first.

        Float64 `(n, 6)`: x, y, width, height in frame pixels, score and frontal as in `Seen`. The
        area is shrunk, never enlarged, until it fits into an input of `size`, which must be a
        multiple of the card's; faces with a lower score than `least` are left out.
        """
        left, top = max(0, area.x), max(0, area.y)
        pixels = gray[top : max(0, area.y + area.height), left : max(0, area.x + area.width)]
        if not pixels.size:
            return np.zeros((0, 6))
        scale = min(1.0, size.width / pixels.shape[1], size.height / pixels.shape[0])
        sized = self._run(size, _filled(pixels, scale, size, self.card.pad))
        levels = []
        for level, pair in zip(self.card.levels, sized.outputs, strict=True):
            scores, boxes = (
                Answer(sized.interpreter.get_tensor(index)[0], unit, zero)
                for index, unit, zero in pair
            )
            levels.append(decoded(level, scores, boxes, least))
        found = deduplicate(levels)
        found[:, :4] /= scale
        found[:, :2] += left, top
        return found

    def _run(self, size: Size, filled: ByteArray) -> _Sized:
        """Return the interpreter for an input size, once it has run; each costs its memory once."""
        try:
            if size not in self._sized:
                self._sized[size] = self._opened(size)
            sized = self._sized[size]
            sized.interpreter.set_tensor(sized.pixels, filled[None, :, :, None])
            sized.interpreter.invoke()
        except (RuntimeError, ValueError, LookupError) as error:
            raise ModelError(
                f"{self._path}: the face detector cannot be used: {first_line(error)}"
            ) from error
        return sized

    def _opened(self, size: Size) -> _Sized:
        """Return an interpreter. Raises `ValueError` or `LookupError` if its tensors are wrong."""
        _, interpreter = build(self._path, input_shape=(1, size.height, size.width, 1))
        (given,) = interpreter.get_input_details()
        named = {details["name"]: details for details in interpreter.get_output_details()}
        outputs = []
        for stride, _ in self.card.levels:
            pair = []
            for name, numbers in ((f"score{stride}", 2), (f"box{stride}", 4)):
                answer = named[name]
                shape, kind = tuple(answer["shape"].tolist()), np.dtype(answer["dtype"])
                wanted = 1, size.height // stride, size.width // stride, numbers
                if shape != wanted or kind != np.int8:
                    raise ValueError(f"{name} is {kind} {shape}, not int8 {wanted}")
                pair.append((answer["index"], *answer["quantization"]))
            outputs.append((pair[0], pair[1]))
        return _Sized(interpreter, given["index"], outputs)


def _filled(pixels: ByteArray, scale: float, size: Size, pad: int) -> ByteArray:
    """Return the network's input: `pixels`, shrunk by `scale`, at its upper left."""
    height, width = (max(1, round(side * scale)) for side in pixels.shape)
    pixels = shrunk(pixels, width, height)
    if pixels.shape == (size.height, size.width):
        return pixels
    canvas = np.full((size.height, size.width), pad, np.uint8)
    canvas[:height, :width] = pixels
    return canvas


def _square(x: float, y: float, height: float, to_haar: Geometry) -> Box:
    """Return the cascade's square for the network's box around `x`, `y`."""
    side = height * to_haar.side
    left = x + height * to_haar.right - side / 2
    top = y + height * to_haar.down - side / 2
    return Box(round(left), round(top), round(side), round(side))


def _within(box: Box, shape: tuple[int, ...]) -> Box:
    """`box`, moved into the frame, or as large as it."""
    side = min(box.width, *shape)
    x = min(max(box.x, 0), shape[1] - side)
    return Box(x, min(max(box.y, 0), shape[0] - side), side, side)
