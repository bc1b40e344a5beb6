"""Finding a face again by what it looked like a moment ago, whatever its size."""

from __future__ import annotations

import cv2
import numpy as np

from edge.faces.shrink import shrunk
from edge.records import Box, ByteArray

_SIDE_PX = 20
#: How far a face moves at most between two pictures, in its widths. With it and `_SIDE_PX` a
#: search is in 32x32 pixels, which OpenCV does in half the time of a few more.
REACH = 0.3


def take(gray: ByteArray, box: Box) -> ByteArray:
    """Return the face at `box`, uint8, 20 pixels wide."""
    return _shrunk(gray, box, box.width)


def find(gray: ByteArray, box: Box, template: ByteArray) -> tuple[Box, float]:
    """Return where the template is around `box`, and how like it is.

    The latter is the normalised correlation, -1 to 1, which no change of light matters to.
    """
    around = box.widened(REACH)
    patch = _shrunk(gray, around, box.width)
    height, width = template.shape
    if patch.shape[0] < height or patch.shape[1] < width:
        return box, 0.0
    _, similarity, _, (x, y) = cv2.minMaxLoc(
        cv2.matchTemplate(patch, template, cv2.TM_CCOEFF_NORMED)
    )
    per_px = box.width / _SIDE_PX
    left, top = max(0, around.x) + round(x * per_px), max(0, around.y) + round(y * per_px)
    bottom, right = gray.shape
    inside = box._replace(x=min(left, right - box.width), y=min(top, bottom - box.height))
    return inside, float(similarity)


def _shrunk(gray: ByteArray, area: Box, face_px: int) -> ByteArray:
    """`area`, shrunk until the face is 20 wide."""
    x, y, width, height = area
    inside = gray[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)]
    if not inside.size:
        return inside
    scale = _SIDE_PX / face_px
    rows, columns = (max(1, round(side * scale)) for side in inside.shape)
    return np.ascontiguousarray(shrunk(inside, columns, rows))
