"""What OpenCV gives of a camera or video, as luma, with as little work as the format allows.

A JPEG decoded to gray costs half of what it costs in colour (0.37 ms instead of 0.80 at 640x480),
and of YUYV the luma only has to be picked out.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge.records import ByteArray

_JPEG = {"MJPG", "JPEG"}
_RAW = _JPEG | {"YUYV", "GREY"}
_TRIES = 3
#: A video camera's luma is 16..235, that of the pictures a model learned from 0..255.
_FULL_RANGE = np.clip((np.arange(256) - 16) * 255 / 219 + 0.5, 0, 255).astype(np.uint8)


def luma(picture: cv2.typing.MatLike) -> ByteArray | None:
    """uint8 `(height, width)` of a picture in colour or gray, of YUYV, or of a JPEG's bytes.

    None for a JPEG that cannot be decoded, as a bad cable leaves it.
    """
    if picture.ndim == 3 and picture.shape[2] == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    elif picture.ndim == 3:
        picture = cv2.LUT(cv2.extractChannel(picture, 0), _FULL_RANGE)
    elif min(picture.shape) == 1:
        try:
            decoded = cv2.imdecode(picture, cv2.IMREAD_GRAYSCALE)
        except cv2.error:  # as for a size that no camera has
            return None
        if decoded is None:
            return None
        picture = decoded
    return np.asarray(picture, np.uint8)


def is_jpeg(capture: cv2.VideoCapture) -> bool:
    """Whether it gives one JPEG after the other."""
    return _format(capture) in _JPEG


def take_jpegs(capture: cv2.VideoCapture) -> bool:
    """Makes FFmpeg's part hand over the JPEGs as they are; False where that does not work.

    Takes one picture. Where it does not work the capture is spoilt, and must be opened again.
    """
    return capture.set(cv2.CAP_PROP_FORMAT, -1) and _reads(capture)


def take_raw(capture: cv2.VideoCapture) -> None:
    """Makes V4L2's part hand over what the camera sends, where `luma` can read it.

    Takes a picture or more.
    """
    if _format(capture) in _RAW and capture.set(cv2.CAP_PROP_CONVERT_RGB, 0):
        if any(_reads(capture) for _ in range(_TRIES)):
            return
        capture.set(cv2.CAP_PROP_CONVERT_RGB, 1)


def _reads(capture: cv2.VideoCapture) -> bool:
    """Whether the next picture has the size that it should have."""
    size = capture.get(cv2.CAP_PROP_FRAME_HEIGHT), capture.get(cv2.CAP_PROP_FRAME_WIDTH)
    ok, picture = capture.read()
    gray = luma(picture) if ok else None
    return gray is not None and gray.shape == size


def _format(capture: cv2.VideoCapture) -> str:
    return int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("latin-1")
