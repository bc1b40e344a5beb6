"""The same faces as a cheap camera sees them: out of focus, in the dark, far away, compressed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import cv2
import numpy as np

from edge.records import ByteArray

#: Standard deviations of the blur, for a face of the third width; scaled for other widths.
BLUR_PX, STRONG_BLUR_PX, REFERENCE_PX = 1.5, 2.0, 48
#: Brightness, and the standard deviation of a sensor's noise at that brightness, in gray levels.
DARK, NOISE = 0.3, 4.0
FAR_PX = 24
JPEG_QUALITY = 30


def blurred(picture: ByteArray, sigma_px: float = BLUR_PX) -> ByteArray:
    """Return `picture` after a Gaussian blur of `sigma_px` per `REFERENCE_PX`."""
    sigma = sigma_px * picture.shape[1] / REFERENCE_PX
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def dark(picture: ByteArray) -> ByteArray:
    """Return `picture` at `DARK` of its brightness."""
    return np.asarray(np.rint(picture * DARK), np.uint8)


def noisy(picture: ByteArray) -> ByteArray:
    """Return `picture` at `DARK` of its brightness, with Gaussian noise.

    The noise is drawn from the picture's own bytes: always the same for the same picture.
    """
    noise = np.random.default_rng(zlib.crc32(picture.tobytes())).normal(0, NOISE, picture.shape)
    return np.asarray(np.rint(np.clip(picture * DARK + noise, 0, 255)), np.uint8)


def far(picture: ByteArray) -> ByteArray:
    """Return `picture` at `FAR_PX` a side; the model scales it up again."""
    return np.asarray(cv2.resize(picture, (FAR_PX, FAR_PX), interpolation=cv2.INTER_AREA), np.uint8)


def compressed(picture: ByteArray, quality: int = JPEG_QUALITY) -> ByteArray:
    """Return `picture` after JPEG compression of `quality`, 0 to 100."""
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)


_Degrade = Callable[[ByteArray], ByteArray]
#: What a cheap camera does, by the names used in tables and in JSON: `mean of four` is over these.
CAMERA: Mapping[str, _Degrade] = MappingProxyType(
    {
        f"blurred (sigma {BLUR_PX:g} px of {REFERENCE_PX})": blurred,
        f"far ({FAR_PX} px)": far,
        f"dark and noisy (x {DARK:g}, {NOISE:g})": noisy,
        f"JPEG (quality {JPEG_QUALITY})": compressed,
    }
)
#: All that `--robustness` scores.
DEGRADED: Mapping[str, _Degrade] = MappingProxyType(
    {
        **CAMERA,
        f"blurred (sigma {STRONG_BLUR_PX:g} px of {REFERENCE_PX})": partial(
            blurred, sigma_px=STRONG_BLUR_PX
        ),
        f"dark (x {DARK:g})": dark,
    }
)
