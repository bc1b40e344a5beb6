"""Files as a source: a video, or a folder of pictures."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from edge import gray
from edge.errors import CameraError
from edge.records import ByteArray

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm"}
log = logging.getLogger(__name__)


class Shot(NamedTuple):
    """A picture, uint8 `(height, width)`, and the media seconds between which it is shown."""

    gray: ByteArray
    from_s: float
    to_s: float


def play(path: Path, fps: float, loops: int) -> Iterator[Shot]:
    """The pictures of a video, or of a folder at `fps`, `loops` times; media time goes on."""
    _refuse_closed(path)
    start_s = end_s = 0.0
    for _ in range(loops):
        for picture, from_s, to_s in _folder(path, fps) if path.is_dir() else _video(path):
            yield Shot(picture, start_s + from_s, start_s + to_s)
            end_s = start_s + to_s
        start_s = end_s


def denied(name: str, error: OSError) -> CameraError:
    """What to say of a file or folder that the system keeps from us."""
    return CameraError(
        f"{name}: {error.strerror}; the service sees no home directory:"
        " put the file where it can be read"
    )


def _refuse_closed(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        raise denied(str(path), error) from error


def _video(path: Path) -> Iterator[Shot]:
    capture = _open(path)
    try:
        step_s = 1 / (capture.get(cv2.CAP_PROP_FPS) or 25)
        if not 1 / 1000 <= step_s <= 3600:
            step_s = 1 / 25
        media_s = None
        while True:
            ok, picture = capture.read()
            if not ok:
                break
            shown_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if media_s is None:
                media_s = first_s = shown_s
            elif shown_s > media_s:
                media_s = shown_s
            else:  # a container without time stamps
                media_s += step_s
            luma = gray.luma(picture)
            if luma is not None:
                yield Shot(luma, media_s - first_s, media_s - first_s + step_s)
    finally:
        capture.release()
    if media_s is None:
        raise CameraError(f"{path}: no picture can be read from it; is it a video?")


def _open(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if gray.is_jpeg(capture):
        works = gray.take_jpegs(capture)  # which took the first picture
        capture.release()
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if works:
            capture.set(cv2.CAP_PROP_FORMAT, -1)
    return capture


def _folder(folder: Path, fps: float) -> Iterator[Shot]:
    shown = 0
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if picture is None:
            log.warning("%s: not a readable picture; skipped", path)
            continue
        yield Shot(np.asarray(picture, np.uint8), shown / fps, (shown + 1) / fps)
        shown += 1
    if not shown:
        raise CameraError(f"{folder}: no readable picture in this folder")
