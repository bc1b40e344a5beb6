"""Frames from whatever there is: Pi camera, USB camera, stream, video file, folder of pictures.

Each source is a generator of `Frame`; closing it frees the device. A frame's pixels are valid until
the next one is asked for.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections import deque
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np

from edge import picamera
from edge.clock import LiveClock, MediaClock
from edge.config import Camera, expanded
from edge.errors import CameraError
from edge.records import ByteArray, Frame

Frames: TypeAlias = Generator[Frame, None, None]

STALLED_S = 5.0
DEVICES = Path("/dev")
_GLANCE_S = 0.25
PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm"}
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
log = logging.getLogger(__name__)


def open_frames(
    camera: Camera, stop: threading.Event, *, realtime: bool = False, loops: int = 1
) -> Frames:
    """Upright frames of `camera.source` until it ends or `stop` is set.

    `realtime` and `loops` are for files: pace them by the clock, play them so many times. Raises
    `CameraError` at the first frame where there is none, or later when a camera goes away.
    """
    _silence_opencv()
    if is_file(camera.source):
        clock = MediaClock()
        for gray, media_s in _file(expanded(camera.source), camera.fps, loops):
            if realtime:
                stop.wait(max(0.0, clock.early_s(media_s)))
            if stop.is_set():
                return
            yield clock.frame(_upright(gray, camera), media_s)
    else:
        live = LiveClock()
        for gray in _live(camera, stop):
            yield live.frame(_upright(gray, camera))


def _silence_opencv() -> None:
    """Our own line says it better."""
    place: Any = getattr(cv2.utils, "logging", cv2)  # OpenCV 4.14 has moved it there
    place.setLogLevel(0)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET


def is_file(source: str) -> bool:
    """Whether `source` is played with media time as its clock."""
    if source in {"auto", "picamera2"} or source.isdecimal():  # whatever lies where we started
        return False
    path = expanded(source)
    return path.is_file() or path.is_dir()


def shown(source: str) -> str:
    """`source` as it may be printed: a stream's password stays out of logs."""
    return re.sub(r"//[^/]*@", "//", source)


def _upright(gray: ByteArray, camera: Camera) -> ByteArray:
    if camera.rotation:
        gray = np.asarray(cv2.rotate(gray, _TURNS[camera.rotation]), np.uint8)
    if camera.flip:
        gray = np.asarray(cv2.flip(gray, 1), np.uint8)
    return gray


# Files: each picture with the second it is shown at and the second it ends at


def _file(path: Path, fps: float, loops: int) -> Iterator[tuple[ByteArray, float]]:
    start_s = end_s = 0.0
    for _ in range(loops):
        for gray, shown_s, length_s in _pictures(path, fps) if path.is_dir() else _video(path):
            yield gray, start_s + shown_s
            end_s = start_s + length_s
        start_s = end_s


def _video(path: Path) -> Iterator[tuple[ByteArray, float, float]]:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
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
            yield _gray(picture), media_s - first_s, media_s - first_s + step_s
    finally:
        capture.release()
    if media_s is None:
        raise CameraError(f"{path}: no picture can be read from it; is it a video?")


def _pictures(folder: Path, fps: float) -> Iterator[tuple[ByteArray, float, float]]:
    shown = 0
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES):
        gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if gray is None:
            log.warning("%s: not a readable picture; skipped", path)
            continue
        yield np.asarray(gray, np.uint8), shown / fps, (shown + 1) / fps
        shown += 1
    if not shown:
        raise CameraError(f"{folder}: no readable picture in this folder")


# Cameras


def _live(camera: Camera, stop: threading.Event) -> Generator[ByteArray, None, None]:
    source = camera.source
    if source == "picamera2" or (source == "auto" and picamera.present()):
        yield from picamera.luma(camera, stop, STALLED_S)
    elif source == "auto":
        yield from _newest(_first_device(camera), "camera", stop)
    elif source.isdecimal() or source.startswith("/dev/"):
        device = f"/dev/video{source}" if source.isdecimal() else source
        yield from _newest(_device(device, camera), device, stop)
    elif "://" in source:
        name = shown(source)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 10_000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 5_000]
        capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, limits)
        if not capture.isOpened():
            raise CameraError(f"{name}: cannot open the stream; check address and camera")
        yield from _newest(capture, name, stop)
    else:
        raise CameraError(f"{source}: no such file, folder or camera (see camera.source)")


def _device(device: str, camera: Camera) -> cv2.VideoCapture:
    if not Path(device).exists():
        raise CameraError(f"{device}: no such camera; plug it in, or set camera.source")
    capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
    if not capture.isOpened():
        raise CameraError(f"{device}: cannot open the camera; another program may be using it")
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, camera.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, camera.height)
    capture.set(cv2.CAP_PROP_FPS, camera.fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return capture


def _first_device(camera: Camera) -> cv2.VideoCapture:
    """The first V4L2 node that gives a picture; a Pi has many that are no cameras."""
    nodes = sorted(DEVICES.glob("video*"), key=lambda p: int("0" + p.name[5:]))
    for node in nodes:
        try:
            capture = _device(str(node), camera)
        except CameraError:
            continue
        if capture.read()[0]:
            return capture
        capture.release()
    raise CameraError("no camera found; connect one, or set camera.source to a device, URL or file")


def _newest(
    capture: cv2.VideoCapture, name: str, stop: threading.Event
) -> Generator[ByteArray, None, None]:
    """Always the newest picture: a thread drains the driver's queue, which else grows old."""
    newest: deque[ByteArray | None] = deque(maxlen=1)
    arrived, done = threading.Event(), threading.Event()

    def drain() -> None:
        ok = True
        while ok and not done.is_set():
            ok, picture = capture.read()
            newest.append(_gray(picture) if ok else None)
            arrived.set()

    reader = threading.Thread(target=drain, name="camera", daemon=True)
    reader.start()
    try:
        silent_s = 0.0
        while not stop.is_set() and silent_s < STALLED_S:
            if not arrived.wait(_GLANCE_S):
                silent_s += _GLANCE_S
                continue
            arrived.clear()
            if newest:  # else this was taken with the one before
                gray, silent_s = newest.pop(), 0.0
                if gray is None:
                    raise CameraError(f"{name}: the camera was unplugged or sends no more pictures")
                yield gray
        if not stop.is_set():
            raise CameraError(f"{name}: no picture for {STALLED_S:.0f} s")
    finally:
        done.set()
        reader.join(timeout=1)
        if not reader.is_alive():  # releasing under a blocked read would crash the driver's part
            capture.release()


def _gray(picture: cv2.typing.MatLike) -> ByteArray:
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return np.asarray(picture, np.uint8)
