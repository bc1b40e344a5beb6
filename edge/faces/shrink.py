"""Shrinking gray pictures to the same pixels on every processor."""

from __future__ import annotations

import cv2
import numpy as np

from edge.records import ByteArray


def shrunk(gray: ByteArray, width: int, height: int) -> ByteArray:
    """Return `gray` in a size that is smaller, or as it is where that is not so.

    Where interpolation would skip pixels, the mean of four halves it first; where there are over
    sixteen for one, some are left out before, so that large faces cost no more than small ones.
    Linear interpolation is the exact kind, as the plain one differs between processors.
    """
    every = min(gray.shape[1] // (4 * width), gray.shape[0] // (4 * height))
    if every > 1:
        gray = np.ascontiguousarray(gray[::every, ::every])
    while gray.shape[1] >= 2 * width and gray.shape[0] >= 2 * height:
        rows, columns = gray.shape[0] // 2, gray.shape[1] // 2
        gray = _resized(gray[: 2 * rows, : 2 * columns], columns, rows, cv2.INTER_AREA)
    if gray.shape[1] <= width and gray.shape[0] <= height:
        return gray
    return _resized(gray, width, height, cv2.INTER_LINEAR_EXACT)


def _resized(gray: ByteArray, width: int, height: int, how: int) -> ByteArray:
    return np.asarray(cv2.resize(gray, (width, height), interpolation=how), np.uint8)
