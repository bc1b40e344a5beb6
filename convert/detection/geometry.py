"""Where a picture's faces go when it is scaled, turned, mirrored and moved onto a canvas."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from edge.records import ByteArray, FloatArray

#: The gray of the canvas beside the picture: the network's own zero (see `network.py`).
PAD = 128
#: Smaller than this, and a picture is halved first: plain interpolation would skip pixels.
_HALVE_BELOW = 0.6


class Placement(NamedTuple):
    """A point `centre` of the picture comes to `target` on the canvas, in pixels (x, y)."""

    centre: tuple[float, float]
    target: tuple[float, float]
    scale: float
    degrees: float = 0.0
    mirrored: bool = False

    def matrix(self) -> FloatArray:
        """Return the 2x3 matrix from the picture's pixels to the canvas's."""
        angle = math.radians(self.degrees)
        cos, sin = self.scale * math.cos(angle), self.scale * math.sin(angle)
        flip = -1.0 if self.mirrored else 1.0
        linear = np.array([[cos * flip, -sin], [sin * flip, cos]], np.float64)
        shift = np.asarray(self.target) - linear @ np.asarray(self.centre)
        return np.asarray(np.column_stack([linear, shift]), np.float32)


def placed(boxes: FloatArray, how: Placement) -> FloatArray:
    """Return boxes `(n, 4)` x, y, w, h on the canvas; turned faces as ellipses."""
    if not len(boxes):
        return boxes
    matrix = how.matrix()
    centres = boxes[:, :2] + boxes[:, 2:4] / 2
    moved = centres @ matrix[:, :2].T + matrix[:, 2]
    angle = math.radians(how.degrees)
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    width, height = boxes[:, 2] * how.scale, boxes[:, 3] * how.scale
    size = np.stack([np.hypot(width * cos, height * sin), np.hypot(width * sin, height * cos)], 1)
    return np.asarray(np.concatenate([moved - size / 2, size], 1), np.float32)


def visible(boxes: FloatArray, area: tuple[float, float, float, float]) -> FloatArray:
    """Return the share of each box in `area`, which is left, top, right, bottom."""
    low = np.maximum(boxes[:, :2], area[:2])
    high = np.minimum(boxes[:, :2] + boxes[:, 2:4], area[2:])
    inside = np.clip(high - low, 0, None).prod(-1)
    return np.asarray(inside / np.maximum(boxes[:, 2:4].prod(-1), 1e-6), np.float32)


def draw(gray: ByteArray, how: Placement, canvas: ByteArray, border: int) -> None:
    """Fill `canvas` `(h, w)` with the picture as placed.

    `border` is OpenCV's mode beside it.
    """
    scale, centre = how.scale, how.centre
    while scale < _HALVE_BELOW and min(gray.shape) >= 8:
        height, width = gray.shape
        gray = np.asarray(
            cv2.resize(gray, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8
        )
        scale, centre = scale * 2, (centre[0] / 2, centre[1] / 2)
    matrix = how._replace(scale=scale, centre=centre).matrix()
    # OpenCV counts from the centre of the first pixel, boxes count from its corner.
    matrix[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5], np.float32) - 0.5
    cv2.warpAffine(
        gray,
        matrix,
        (canvas.shape[1], canvas.shape[0]),
        dst=canvas,
        flags=cv2.INTER_LINEAR,
        borderMode=border,
        borderValue=(PAD,),
    )
