"""Where the picture changed, and when; a place without change needs no search."""

from __future__ import annotations

import cv2
import numpy as np

from edge.records import Box, ByteArray

_COLUMNS, _ROWS = 80, 60
#: A cell, the mean of several pixels, changed when it differs by this many gray levels.
_CHANGED = 8
#: The share of cells that change in a cut, and how unlike the scenes are (correlation): when the
#: camera moves, or the light changes, they are alike.
_CUT, _UNLIKE = 0.5, 0.8


class Motion:
    """A grid of 80x60 cells that remembers the last frame in which each of them changed."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        """Height and width of every frame."""
        self.frame = 0
        """The number of the last frame, from 1 on."""
        self.scene_cut = False
        """Whether the last frame shows another scene than the one before."""
        self._cells = np.zeros((_ROWS, _COLUMNS), np.uint8)
        self._changed = np.zeros((_ROWS, _COLUMNS), np.int64)

    def update(self, gray: ByteArray) -> None:
        """Compare a frame with what was there when each cell last changed."""
        self.frame += 1
        cells = np.asarray(_cells(gray), np.uint8)
        changed = cv2.absdiff(cells, self._cells) > _CHANGED
        share = np.count_nonzero(changed) / changed.size
        self.scene_cut = self.frame == 1 or (
            share > _CUT and _correlation(cells, self._cells) < _UNLIKE
        )
        if share:
            self._changed[changed] = self.frame
            np.copyto(self._cells, cells, where=changed)

    def since(self, frame: int, box: Box) -> bool:
        """Return whether anything in `box` changed after `frame`."""
        cells = self._changed[self._within(box)]
        return bool(cells.size) and int(cells.max()) > frame

    def settle(self, box: Box) -> None:
        """Forget what changed in `box`: it is known what is there."""
        self._changed[self._within(box)] = 0

    def _within(self, box: Box) -> tuple[slice, slice]:
        """Return the cells that `box` touches."""
        height, width = self.shape
        top = box.y * _ROWS // height
        bottom = -(-(box.y + box.height) * _ROWS // height)
        left = box.x * _COLUMNS // width
        right = -(-(box.x + box.width) * _COLUMNS // width)
        return slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0))


def _cells(gray: ByteArray) -> cv2.typing.MatLike:
    """Return the mean of a sample of each cell's pixels.

    It has two rows or more, at least eight pixels.
    OpenCV averages two by two pixels fast, and fractions of pixels slowly, so a frame is first
    sampled to twice the grid, by the filter that gives the same on every processor. It is faster
    the fewer rows it is given: 40 to 55 µs for frames of 640x480 to 1920x1080, instead of 60 to
    100 with all of them (measured while others used the machine, too).
    """
    rows = gray[:: max(1, len(gray) // (2 * _ROWS))]
    twice = cv2.resize(rows, (2 * _COLUMNS, 2 * _ROWS), interpolation=cv2.INTER_LINEAR_EXACT)
    return cv2.resize(twice, (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA)


def _correlation(one: ByteArray, other: ByteArray) -> float:
    """-1 to 1; pictures of one gray are like nothing."""
    return float(cv2.matchTemplate(one, other, cv2.TM_CCOEFF_NORMED)[0, 0])
