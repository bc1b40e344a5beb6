"""The same faces under worse conditions: out of focus, in the dark, far away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np

from edge.records import ByteArray

#: Standard deviation of the blur, for a face of 48 pixels; larger faces are blurred alike.
BLUR_PX, OF_PX = 2.0, 48
DARK = 0.3
FAR_PX = 24


def blurred(picture: ByteArray) -> ByteArray:
    """`picture`, uint8 `(height, width)`, after a Gaussian blur of `BLUR_PX` in `OF_PX`."""
    sigma = BLUR_PX * picture.shape[1] / OF_PX
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def dark(picture: ByteArray) -> ByteArray:
    """`picture` at `DARK` of its brightness."""
    return np.asarray(np.rint(picture * DARK), np.uint8)


def far(picture: ByteArray) -> ByteArray:
    """`picture` shrunk to `FAR_PX` a side; what the model makes of it is its own size again."""
    return np.asarray(cv2.resize(picture, (FAR_PX, FAR_PX), interpolation=cv2.INTER_AREA), np.uint8)


#: By the words that stand in tables.
DEGRADED: Mapping[str, Callable[[ByteArray], ByteArray]] = MappingProxyType(
    {
        f"blurred (sigma {BLUR_PX:g} px of {OF_PX})": blurred,
        f"dark (x {DARK:g})": dark,
        f"far ({FAR_PX} px)": far,
    }
)
