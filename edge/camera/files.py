"""Play a video file, or a folder of pictures.

A video has the times of its container. A folder is not a video: its pictures are taken in the order
of their names, one after the other at `camera.fps`, but each is searched in full and every face in
it gets a number and a reading of its own. So picture N (from 0) has the time N / `camera.fps` after
local midnight of the day of the run, or with `--realtime` after its start. The log names each with
its time at the level debug (`fer-edge run -v`).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from edge.camera import luma
from edge.errors import CameraError
from edge.records import ByteArray

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm"}
log = logging.getLogger(__name__)


class Shot(NamedTuple):
    """A picture, uint8 `(height, width)`, shown from `from_s` to `to_s` in media seconds.

    Of a video it is valid until the next one is asked for.
    """

    gray: ByteArray
    from_s: float
    to_s: float


def play(path: Path, fps: float, loops: int) -> Generator[Shot, None, None]:
    """Play a video, or a folder at `fps`, `loops` times; media time goes on."""
    _check_readable(path)
    start_s = end_s = 0.0
    for _ in range(loops):
        for picture, from_s, to_s in _folder(path, fps) if path.is_dir() else _video(path):
            yield Shot(picture, start_s + from_s, start_s + to_s)
            end_s = start_s + to_s
        start_s = end_s


def denied(name: str, error: OSError) -> CameraError:
    """Return the error for a file or folder that the service may not read."""
    return CameraError(
        f"{name}: {error.strerror}; the service cannot access /home;"
        " move the file, e.g. to /etc/fer-edge"
    )


def _check_readable(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        raise denied(str(path), error) from error


def _video(path: Path) -> Iterator[Shot]:
    capture = _open(path)
    try:
        turn = round(capture.get(cv2.CAP_PROP_ORIENTATION_META))
        step_s = 1 / (capture.get(cv2.CAP_PROP_FPS) or 25)
        if not 1 / 1000 <= step_s <= 3600:
            step_s = 1 / 25
        media_s = picture = gray = None
        while True:
            # Into the memory of the one before: at 1920x1080 each takes 6 MB, and 2 as gray.
            ok, picture = capture.read(picture)
            if not ok:
                break
            shown_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if media_s is None:
                media_s = first_s = shown_s
            elif shown_s > media_s:
                media_s = shown_s
            else:  # a container without time stamps
                media_s += step_s
            gray = luma.luma(picture, gray)
            if gray is not None:
                yield Shot(luma.rotated(gray, turn), media_s - first_s, media_s - first_s + step_s)
    finally:
        capture.release()
    if media_s is None:
        raise CameraError(f"{path}: no picture can be read from it; is it a video?")


def _open(path: Path) -> cv2.VideoCapture:
    capture = _capture(path)
    if luma.is_jpeg(capture):
        works = luma.request_jpegs(capture)  # which consumed the first picture
        capture.release()
        capture = _capture(path)
        if works:
            capture.set(cv2.CAP_PROP_FORMAT, -1)
    return capture


def _capture(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    # A phone's rotation tag: OpenCV 4.11 ignores it by default, other releases follow it, and none
    # does for undecoded JPEGs. We follow it ourselves.
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
    return capture


def _folder(folder: Path, fps: float) -> Iterator[Shot]:
    shown = 0
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if picture is None:
            log.warning("%s: not a readable picture; skipped", path)
            continue
        log.debug("picture at %.3f s: %s", shown / fps, path)
        yield Shot(np.asarray(picture, np.uint8), shown / fps, (shown + 1) / fps)
        shown += 1
    if not shown:
        raise CameraError(f"{folder}: no readable picture in this folder")
