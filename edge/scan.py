"""The scan of the whole frame for new faces: a slice at a time, and only where something changed.

A whole scan costs tens of milliseconds. A slice is one size of face in some rows; each frame gets
as many as its share of pixels allows, so that no frame has to wait for a whole scan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.changes import Changes
from edge.haar import WINDOW_PX, Haar
from edge.records import Box, ByteArray

#: Pixels of shrunk picture that are scanned in a second, about 20 ns each on a PC of 2024: while
#: every known face is in sight; more for each that was lost, as faces that turn away come back;
#: while nobody is there. In one frame at most `_MOST`; `_CUT` in the first round after a cut, or in
#: the first frames of it where frames are large.
_STEADY_S, _LOST_S, _EMPTY_S = 120_000, 1_800_000, 1_200_000
_MOST, _CUT, _CUT_FRAMES = 90_000, 120_000, 12
#: What a look at a candidate costs, in pixels.
LOOK_PX = 60_000
#: A slice has about so many pixels at most.
_SLICE_PX = 60_000
#: From size to size; a window finds a face that is a tenth larger or smaller.
_SIZE_STEP = 1.2
#: Larger faces are looked for twice as often: all of them cost half of what the smaller ones do.
_LARGE_PX = 48
#: Where nothing changes, a slice is scanned again after so many seconds: the detector may err.
_AGAIN_S = 10.0


@dataclass(slots=True)
class _Slice:
    size_px: float
    top: int
    bottom: int
    frame: int = -1
    """When it was last scanned: the frame's number and its time."""
    scanned_s: float = -math.inf


class Scan:
    """Takes the slices in turn, the largest faces first: they cost least."""

    def __init__(self, haar: Haar, least_px: int, shape: tuple[int, ...]) -> None:
        self._haar, self._width = haar, shape[1]
        self._slices = _slices(shape, least_px)
        self._next = self._first_round = self._share_px = 0
        self._cut_frame = 0
        self._done, self._now_s, self._again_s = False, 0.0, 0.0

    @property
    def done(self) -> bool:
        """Whether everything that changed was searched."""
        return self._done

    def step(
        self, gray: ByteArray, changes: Changes, now_s: float, seen: int, lost: int
    ) -> list[Box]:
        """Scans as many slices as this frame's share pays for; boxes that may be faces.

        `seen` and `lost` are the numbers of known faces in sight and out of it.
        """
        if changes.cut:
            self._next, self._first_round = 0, len(self._slices) // 2
            self._cut_frame = changes.frame
        elif self._done and not changes.now and now_s < self._again_s:
            return []
        elif changes.frame - self._cut_frame >= _CUT_FRAMES:
            self._first_round = 0
        self._share_px = self._frame_share_px(now_s, seen, lost) + min(
            self._share_px, 0 if self._done else _CUT
        )
        found: list[Box] = []
        for _ in self._slices:
            part = self._slices[self._next]
            area = self._due(part, changes, now_s)
            if area is not None:
                pixels = round(area.width * area.height * (WINDOW_PX / part.size_px) ** 2)
                if pixels > self._share_px:
                    self._done = False
                    return found
                self._share_px -= pixels
                part.frame, part.scanned_s = changes.frame, now_s
                found += self._haar.candidates(gray, area, part.size_px)
            self._next = (self._next + 1) % len(self._slices)
            self._first_round = max(0, self._first_round - 1)
        self._done, self._again_s = True, now_s + _AGAIN_S
        return found

    def pay_look(self) -> bool:
        """Takes a look at a candidate out of the frame's share; False where it is used up."""
        if self._share_px <= 0:
            return False
        self._share_px -= LOOK_PX
        return True

    def _frame_share_px(self, now_s: float, seen: int, lost: int) -> int:
        passed_s, self._now_s = now_s - self._now_s, now_s
        if self._first_round:
            return _CUT
        a_second = _STEADY_S + _LOST_S * lost if seen + lost else _EMPTY_S
        return min(_MOST, round(a_second * passed_s))

    def _due(self, part: _Slice, changes: Changes, now_s: float) -> Box | None:
        """Where in a slice a new face may be; None: nowhere."""
        width, height = self._width, part.bottom - part.top
        if self._first_round or now_s > part.scanned_s + _AGAIN_S:
            return Box(0, part.top, width, height)
        columns = changes.columns(part.frame, part.top, part.bottom)
        if columns is None:
            return None
        edge = round(part.size_px)
        left, right = max(0, columns[0] - edge), min(width, columns[1] + edge)
        return Box(left, part.top, right - left, height)


def _slices(shape: tuple[int, ...], least_px: int) -> list[_Slice]:
    """A round: large faces four times, small ones twice, each time half of them at sizes between.

    A face that one size misses is seen in the next.
    """
    if min(shape) < least_px:
        return []
    steps = math.floor(math.log(min(shape) / least_px, _SIZE_STEP))
    sizes = [least_px * _SIZE_STEP**k for k in range(steps, -1, -1)]
    between = [size * math.sqrt(_SIZE_STEP) for size in sizes[1:]]
    large, small = _by_size(sizes, shape)
    large_between, small_between = _by_size(between, shape)
    return [
        *(large + small[::2] + large_between + small[1::2]),
        *(large + small_between[::2] + large_between + small_between[1::2]),
    ]


def _by_size(sizes: list[float], shape: tuple[int, ...]) -> tuple[list[_Slice], list[_Slice]]:
    parts = [part for size in sizes for part in _rows(size, *shape)]
    large = [part for part in parts if part.size_px >= _LARGE_PX]
    return large, parts[len(large) :]


def _rows(size_px: float, height: int, width: int) -> list[_Slice]:
    """One size, cut into rows that share a face's height, so that no face lies between them."""
    count = math.ceil(height * width * (WINDOW_PX / size_px) ** 2 / _SLICE_PX)
    ends = [round(k * height / count) for k in range(count + 1)]
    return [
        _Slice(size_px, ends[k], min(height, math.ceil(ends[k + 1] + size_px)))
        for k in range(count)
    ]
