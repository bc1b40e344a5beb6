"""The cascade's search for new faces, a slice at a time, and only where something changed.

A whole scan costs tens of milliseconds. A slice is one size of face in some rows; each frame gets
as many as its share of pixels allows, so that no frame has to wait for a whole scan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.faces.cascade import WINDOW_PX, Cascade
from edge.faces.motion import Motion
from edge.faces.network import Seen
from edge.records import Box, ByteArray

#: Pixels of shrunk picture that are scanned in a search's interval, 20 to 35 ns each.
_SHARE_PX = 240_000
#: In one frame at most this many, and a slice has about that many.
_MOST_PX, _SLICE_PX = 90_000, 60_000
#: From size to size; a window finds a face that is a tenth larger or smaller.
_SIZE_STEP = 1.2
#: Where nothing changes, a slice is scanned again after this time: the cascade may err.
_AGAIN_S = 10.0


@dataclass(slots=True)
class _Slice:
    size_px: float
    area: Box
    frame: int = -1
    """When it was last scanned: the frame's number and its time."""
    scanned_s: float = -math.inf

    @property
    def pixels(self) -> float:
        return self.area.width * self.area.height * (WINDOW_PX / self.size_px) ** 2


class Scan:
    """Takes the slices in turn, the largest faces first; every place gets the same `score`."""

    def __init__(
        self, cascade: Cascade, score: float, shape: tuple[int, ...], least_px: int
    ) -> None:
        self._cascade, self._score = cascade, score
        self._slices = _slices(shape, least_px)
        self._next, self._credit_px, self._now_s = 0, 0.0, 0.0
        self.done = False
        """Whether everything that changed was searched."""

    def restart(self) -> None:
        """Forget what was searched: another scene."""
        for part in self._slices:
            part.frame = -1
        self._next = 0

    def everywhere(self, gray: ByteArray) -> list[Seen]:
        """Return the places in a whole picture that may be faces."""
        return [place for part in self._slices for place in self._scanned(gray, part)]

    def step(self, gray: ByteArray, motion: Motion, now_s: float, interval_s: float) -> list[Seen]:
        """Return the places that may be faces in what this frame's share pays for."""
        passed_s, self._now_s = now_s - self._now_s, now_s
        earned_px = _SHARE_PX * passed_s / interval_s
        self._credit_px = min(self._credit_px + earned_px, _MOST_PX)
        found: list[Seen] = []
        for _ in self._slices:
            part = self._slices[self._next]
            if motion.since(part.frame, part.area) or now_s > part.scanned_s + _AGAIN_S:
                self.done = False
                if part.pixels > self._credit_px:
                    return found
                self._credit_px -= part.pixels
                part.frame, part.scanned_s = motion.frame, now_s
                found += self._scanned(gray, part)
            self._next = (self._next + 1) % len(self._slices)
        self.done = True
        return found

    def _scanned(self, gray: ByteArray, part: _Slice) -> list[Seen]:
        boxes = self._cascade.candidates(gray, part.area, part.size_px)
        return [Seen(box, self._score, 0.0) for box in boxes]


def _slices(shape: tuple[int, ...], least_px: int) -> list[_Slice]:
    """All sizes, the largest first, and every other time those between them."""
    if min(shape) < least_px:
        return []
    steps = math.floor(math.log(min(shape) / least_px, _SIZE_STEP))
    sizes = [least_px * _SIZE_STEP**k for k in range(steps, -1, -1)]
    between = [size * math.sqrt(_SIZE_STEP) for size in sizes[1:]]
    return [part for size in (*sizes, *between) for part in _rows(size, *shape)]


def _rows(size_px: float, height: int, width: int) -> list[_Slice]:
    """Cut one size into rows that share a face's height; no face lies between them."""
    count = math.ceil(height * width * (WINDOW_PX / size_px) ** 2 / _SLICE_PX)
    ends = [round(k * height / count) for k in range(count + 1)]
    bottoms = [min(height, math.ceil(end + size_px)) for end in ends[1:]]
    return [
        _Slice(size_px, Box(0, top, width, bottom - top))
        for top, bottom in zip(ends, bottoms, strict=False)
    ]
