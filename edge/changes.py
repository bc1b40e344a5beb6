"""Where the picture changed, and when. Where nothing did, nothing need be searched."""

from __future__ import annotations

import math

import cv2
import numpy as np

from edge.records import Box, ByteArray

_COLUMNS, _ROWS = 80, 60
#: A cell, the mean of many pixels, changed when it differs by so many gray levels.
_CHANGED = 8
#: The share of cells that change in a cut, or when somebody switches the light on.
_CUT = 0.5


class Changes:
    """A grid of 80x60 cells that remembers the last frame in which each of them changed."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        """Height and width of every frame."""
        self.frame = 0
        """The number of the last frame, from 1 on."""
        self.cut = False
        """Whether the last frame shows another scene than the one before."""
        self._cells = np.zeros((_ROWS, _COLUMNS), np.uint8)
        self._changed = np.zeros((_ROWS, _COLUMNS), np.int64)

    def update(self, gray: ByteArray) -> None:
        """Compares a frame with what was there when each cell last changed."""
        self.frame += 1
        every = max(1, len(gray) // (2 * _ROWS))
        cells = cv2.resize(gray[::every], (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA)
        changed = cv2.absdiff(cells, self._cells) > _CHANGED
        self.cut = self.frame == 1 or int(np.count_nonzero(changed)) > _CUT * changed.size
        self._changed[changed] = self.frame
        np.copyto(self._cells, cells, where=changed)

    @property
    def now(self) -> bool:
        """Whether anything changed in the last frame and was not settled."""
        return int(self._changed.max()) == self.frame

    def since(self, frame: int, box: Box) -> bool:
        """Whether anything in `box` changed after a frame."""
        cells = self._changed[self._within(box)]
        return bool(cells.size) and int(cells.max()) > frame

    def columns(self, frame: int, top: int, bottom: int) -> tuple[int, int] | None:
        """Left and right end of what changed in some rows after a frame; None: nothing did."""
        width = self.shape[1]
        rows, _ = self._within(Box(0, top, width, bottom - top))
        (changed,) = np.nonzero(self._changed[rows].max(axis=0) > frame)
        if not changed.size:
            return None
        cell_px = width / _COLUMNS
        return math.floor(changed[0] * cell_px), math.ceil((changed[-1] + 1) * cell_px)

    def settle(self, box: Box) -> None:
        """Forgets what changed in `box`: it is known what is there."""
        self._changed[self._within(box)] = 0

    def _within(self, box: Box) -> tuple[slice, slice]:
        """The cells that `box` touches."""
        height, width = self.shape
        top = box.y * _ROWS // height
        bottom = -(-(box.y + box.height) * _ROWS // height)
        left = box.x * _COLUMNS // width
        right = -(-(box.x + box.width) * _COLUMNS // width)
        return slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0))
