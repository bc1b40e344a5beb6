"""Put small pictures into larger ones without a visible edge."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from convert.detection.light import Rng
from edge.records import ByteArray, FloatArray

#: Where the face lies in FER2013's pictures (x, y, w, h in shares of the side), as labels would
#: have it: eyes at two fifths of the box's height, the mouth at three quarters.
CLOSE_FACE = (0.09, -0.02, 0.82, 1.02)
_SIDE = 48
_MARGIN = 6
#: The share of faces that are darkened on their own.
_SHADED = 0.35


class Crops(NamedTuple):
    """Square pictures uint8 `(n, 48, 48)`, and where in each of them a face lies, if one does.

    `box` is x, y, w, h as shares of the side.
    """

    pixels: ByteArray
    box: tuple[float, float, float, float] | None = None


def _mask() -> FloatArray:
    """Return 1 within an ellipse, 0 at the crop's edge."""
    y, x = np.mgrid[:_SIDE, :_SIDE].astype(np.float32) - (_SIDE - 1) / 2
    distance = np.hypot(x, y) / (_SIDE / 2)
    return np.asarray(np.clip((1.0 - distance) * _SIDE / 2 / _MARGIN, 0, 1), np.float32)


_BLEND = _mask()


def paste(gray: ByteArray, crops: Crops, rng: Rng) -> FloatArray | None:
    """Blend one of `crops` into `gray`, in place; return its face's box or None."""
    height, width = gray.shape
    largest = min(height, width, 96)
    if largest <= 16:
        return None
    side = int(np.exp(rng.uniform(np.log(14), np.log(largest))))
    left, top = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
    crop = crops.pixels[int(rng.integers(len(crops.pixels)))]
    mirrored = rng.random() < 0.5
    if mirrored:
        crop = crop[:, ::-1]
    how = cv2.INTER_AREA if side < _SIDE else cv2.INTER_LINEAR
    small = cv2.resize(np.ascontiguousarray(crop), (side, side), interpolation=how)
    mask = cv2.resize(_BLEND, (side, side))
    under = gray[top : top + side, left : left + side]
    # As bright, on average, as what it replaces, or half way to it.
    shift = (float(under.mean()) - float(small.mean())) * rng.uniform(0, 0.7)
    mixed = under + mask * (small.astype(np.float32) + shift - under)
    under[:] = np.clip(mixed, 0, 255).astype(np.uint8)
    if crops.box is None:
        return None
    x, y, w, h = crops.box
    x = 1 - x - w if mirrored else x
    return np.array([left + x * side, top + y * side, w * side, h * side], np.float32)


def shade(gray: ByteArray, faces: FloatArray, rng: Rng) -> None:
    """Darken some faces, in place: dark skin, a lamp behind, a hat.

    What is around them stays as it is.
    """
    height, width = gray.shape
    for x, y, w, h in faces:
        if h < 10 or rng.random() > _SHADED:
            continue
        left, right = max(0, int(x - w / 4)), min(width, int(x + w * 5 / 4))
        top, bottom = max(0, int(y - h / 4)), min(height, int(y + h * 5 / 4))
        if right - left < 2 or bottom - top < 2:
            continue
        under = gray[top:bottom, left:right]
        mask = cv2.resize(_BLEND, (right - left, bottom - top))
        under[:] = (under * (1 - mask * rng.uniform(0.15, 0.65))).astype(np.uint8)


def occlude(gray: ByteArray, faces: FloatArray, textures: Crops, rng: Rng) -> None:
    """Cover a part of some faces, in place: a hand, a cup, hair, a mask."""
    for x, y, w, h in faces:
        if h < 20 or rng.random() > 0.12:
            continue
        across, down = rng.uniform(0.3, 1.0), rng.uniform(0.2, 0.42)
        if rng.random() < 0.4:
            across, down = down, across
        left = int(x + rng.uniform(0, 1 - across) * w) if across < 1 else int(x)
        low = rng.random() < 0.7
        top = int(y + (1 - down) * h) if low else int(y + rng.uniform(0, 1 - down) * h)
        end = int(left + across * w), int(top + down * h)
        area = gray[max(0, top) : max(0, end[1]), max(0, left) : max(0, end[0])]
        if not area.size:
            continue
        if rng.random() < 0.5:
            area[:] = int(rng.integers(20, 235))
        else:
            texture = textures.pixels[int(rng.integers(len(textures.pixels)))]
            area[:] = cv2.resize(texture, (area.shape[1], area.shape[0]))
