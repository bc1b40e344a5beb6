"""Degrade pictures at random as a cheap camera does: what the pupil sees, but not its teacher."""

from __future__ import annotations

import cv2
import numpy as np

from convert.faces.degrade import REFERENCE_PX, blurred, compressed
from convert.training.augment import Augmentation
from edge.expressions.classifier import prepare
from edge.records import ByteArray, FloatArray

#: Ranges that are drawn from uniformly: standard deviation of the blur in pixels of
#: `REFERENCE_PX`, side in pixels of `REFERENCE_PX`, brightness, noise in gray levels, JPEG quality.
BLUR_PX, SHRINK_PX = (0.3, 2.0), (24, 48)
DARK, NOISE = (0.2, 0.7), (2.0, 8.0)
QUALITY = (20, 70)
#: Brightness at the dark end of uneven light; the other end keeps its own.
UNEVEN = (0.3, 0.8)


def degraded(picture: FloatArray, limits: Augmentation, rng: np.random.Generator) -> FloatArray:
    """Return `picture` `(side, side)`, 0..255, as a cheap camera may see it.

    The result is float32, 0..255.
    Each change is made to the share of pictures that `limits` gives, whatever the others do, in the
    order in which a camera makes them: the light, the lens, the sensor, the compression.
    """
    seen: FloatArray | ByteArray = picture
    if limits.uneven and rng.random() < limits.uneven:
        seen = seen * _slope(len(seen), rng)
    if limits.blur and rng.random() < limits.blur:
        seen = blurred(_pixels(seen), rng.uniform(*BLUR_PX))
    if limits.shrink and rng.random() < limits.shrink:
        seen = _shrunk(_pixels(seen), int(rng.integers(*SHRINK_PX)))
    if limits.dark and rng.random() < limits.dark:
        seen = seen * rng.uniform(*DARK) + rng.normal(0, rng.uniform(*NOISE), seen.shape)
    if limits.jpeg and rng.random() < limits.jpeg:
        seen = compressed(_pixels(seen), int(rng.integers(*QUALITY)))
    return picture if seen is picture else _pixels(seen).astype(np.float32)


def _pixels(seen: FloatArray | ByteArray) -> ByteArray:
    return np.rint(np.clip(seen, 0, 255)).astype(np.uint8)


def _slope(side: int, rng: np.random.Generator) -> FloatArray:
    """Return factors `(side, side)` that fall from 1 along a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    steps = np.linspace(-1, 1, side)
    along = np.cos(angle) * steps[None, :] + np.sin(angle) * steps[:, None]
    share = (along - along.min()) / np.ptp(along)
    slope: FloatArray = (1 - share * (1 - rng.uniform(*UNEVEN))).astype(np.float32)
    return slope


def _shrunk(picture: ByteArray, side_px: int) -> ByteArray:
    """Return `picture` shrunk to `side_px` of `REFERENCE_PX`, enlarged as on the Pi."""
    height, width = picture.shape
    size = (width * side_px // REFERENCE_PX, height * side_px // REFERENCE_PX)
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    return prepare(small, (1, height, width, 1))[0, :, :, 0]
