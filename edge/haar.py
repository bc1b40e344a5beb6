"""Viola and Jones's face detector (2001), OpenCV's, in the two ways that the finder needs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from edge.boxes import overlap, wider
from edge.errors import Problem
from edge.records import Box, ByteArray

#: Side of the cascade's window: the smallest face it knows.
WINDOW_PX = 24
_CASCADE = "haarcascade_frontalface_default.xml"
_SIZE_STEP = 1.1


class Look(NamedTuple):
    """How closely a place is looked at."""

    face_px: int
    """The picture is shrunk until the expected face has this width. OpenCV tries every pixel for
    windows from 48 on, twice the cascade's, and every other one for smaller ones."""
    neighbours: int
    """So many windows must agree."""
    smaller: float
    larger: float
    """The sizes that are tried, as shares of the expected one."""
    weight: int
    """A window here is worth so many of a scan that tries every pixel."""


#: As a scan of the whole frame would look there, and a little more lenient.
STRICT = Look(face_px=72, neighbours=3, smaller=0.7, larger=1.4, weight=1)
#: The same with other pixels: a second opinion on one picture.
SECOND = STRICT._replace(face_px=60)
#: For a fifth of the cost, which is that of the windows that say yes: few and small ones, then.
GLANCE = Look(face_px=26, neighbours=1, smaller=0.9, larger=1.25, weight=4)


class Haar:
    """The cascade, loaded once. Not for several threads at once."""

    def __init__(self) -> None:
        path = Path(cv2.__file__).parent / "data" / _CASCADE
        self._cascade = cv2.CascadeClassifier(str(path))
        if self._cascade.empty():
            raise Problem(f"{path}: cannot be read; install opencv-python-headless again")

    def look(self, gray: ByteArray, expected: Box, reach: float, how: Look) -> tuple[Box, int]:
        """The face of about the expected size, at most `reach` of its width away.

        With it comes its clearness, the weighted number of windows that agree on it; 0 says that
        there is no face, and the box is the expected one.
        """
        x, y, width, height = wider(expected, reach)
        left, top = max(0, x), max(0, y)
        scale = min(1.0, how.face_px / expected.width)
        smallest, largest = (
            max(WINDOW_PX, round(expected.width * scale * share))
            for share in (how.smaller, how.larger)
        )
        boxes, windows = self._cascade.detectMultiScale2(
            _shrunk(gray[top : max(0, y + height), left : max(0, x + width)], scale),
            scaleFactor=_SIZE_STEP,
            minNeighbors=how.neighbours,
            minSize=(smallest, smallest),
            maxSize=(largest, largest),
        )
        faces = [
            (_in_frame(box, scale, left, top), int(number) * how.weight)
            for box, number in zip(boxes, windows, strict=True)
        ]
        return max(
            faces, key=lambda face: (overlap(face[0], expected), face), default=(expected, 0)
        )

    def candidates(self, gray: ByteArray, area: Box, size_px: float) -> list[Box]:
        """Windows of one size in `area` that may be faces: nine in ten, and a few other things."""
        scale = WINDOW_PX / size_px
        found = self._cascade.detectMultiScale(
            _shrunk(gray[area.y : area.y + area.height, area.x : area.x + area.width], scale),
            scaleFactor=_SIZE_STEP,
            minNeighbors=0,
            minSize=(WINDOW_PX, WINDOW_PX),
            maxSize=(WINDOW_PX, WINDOW_PX),
        )
        return [_in_frame(box, scale, area.x, area.y) for box in found]


def _shrunk(gray: ByteArray, scale: float) -> ByteArray:
    if scale >= 1.0:
        return gray
    height, width = gray.shape
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # The plain interpolation differs from processor to processor, and with it what is found.
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_LINEAR_EXACT), np.uint8)


def _in_frame(found: Sequence[int], scale: float, left: int, top: int) -> Box:
    x, y, width, height = (round(int(number) / scale) for number in found)
    return Box(x + left, y + top, width, height)
