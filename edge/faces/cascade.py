"""Viola and Jones's face detector (2001), OpenCV's, in the two ways that the room needs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2

from edge.errors import FerEdgeError
from edge.faces.shrink import shrunk
from edge.records import Box, ByteArray

#: Side of the cascade's window: the smallest face it knows.
WINDOW_PX = 24
_CASCADE = "haarcascade_frontalface_default.xml"
_SIZE_STEP = 1.1


class Effort(NamedTuple):
    """How thoroughly a place is verified."""

    face_px: int
    """The picture is shrunk until the expected face has this width. OpenCV tries every pixel for
    windows from 48 on, twice the cascade's, and every other one for smaller ones."""
    neighbours: int
    """This many windows must agree."""
    smaller: float
    larger: float
    """The sizes that are tried, as shares of the expected one."""


#: As a scan of the whole frame would look there.
STRICT = Effort(face_px=72, neighbours=3, smaller=0.7, larger=1.4)
#: For a fifth of the cost, which is that of the windows that say yes: few and small ones, then.
QUICK = Effort(face_px=26, neighbours=1, smaller=0.9, larger=1.25)


def load() -> cv2.CascadeClassifier:
    """Return OpenCV's frontal face cascade; raise `FerEdgeError` where it is missing."""
    path = Path(cv2.__file__).parent / "data" / _CASCADE
    cascade = cv2.CascadeClassifier(str(path))
    if cascade.empty():
        raise FerEdgeError(f"{path}: cannot be read; install opencv-python-headless again")
    return cascade


class Cascade:
    """The cascade, loaded once. Not for several threads at once."""

    def __init__(self) -> None:
        self._cascade = load()

    def verify(self, gray: ByteArray, expected: Box, reach: float, how: Effort) -> Box | None:
        """Return the face of about the expected size, at most `reach` of its width away."""
        x, y, width, height = expected.widened(reach)
        left, top = max(0, x), max(0, y)
        scale = min(1.0, how.face_px / expected.width)
        smallest, largest = (
            max(WINDOW_PX, round(expected.width * scale * share))
            for share in (how.smaller, how.larger)
        )
        found = self._cascade.detectMultiScale(
            _scaled(gray[top : max(0, y + height), left : max(0, x + width)], scale),
            scaleFactor=_SIZE_STEP,
            minNeighbors=how.neighbours,
            minSize=(smallest, smallest),
            maxSize=(largest, largest),
        )
        boxes = [_in_frame(box, scale, left, top) for box in found]
        return max(boxes, key=lambda box: (box.overlap(expected), box), default=None)

    def candidates(self, gray: ByteArray, area: Box, size_px: float) -> list[Box]:
        """Return windows of one size in `area` that may be faces: most of them are not."""
        scale = WINDOW_PX / size_px
        found = self._cascade.detectMultiScale(
            _scaled(gray[area.y : area.y + area.height, area.x : area.x + area.width], scale),
            scaleFactor=_SIZE_STEP,
            minNeighbors=0,
            minSize=(WINDOW_PX, WINDOW_PX),
            maxSize=(WINDOW_PX, WINDOW_PX),
        )
        return [_in_frame(box, scale, area.x, area.y) for box in found]


def _scaled(gray: ByteArray, scale: float) -> ByteArray:
    height, width = (max(1, round(side * scale)) for side in gray.shape)
    return shrunk(gray, width, height)


def _in_frame(found: Sequence[int], scale: float, left: int, top: int) -> Box:
    x, y, width, height = (round(int(number) / scale) for number in found)
    return Box(x + left, y + top, width, height)
