"""Frames from whatever there is: Pi camera, USB camera, stream, video file, folder of pictures.

Each source is a generator of `Frame`; closing it frees the device. A frame's pixels are valid until
the next one is asked for.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np

from edge import film, picamera, webcam
from edge.address import shown
from edge.clock import LiveClock, MediaClock
from edge.config import Camera, expanded
from edge.errors import CameraError
from edge.patience import Patience
from edge.records import ByteArray, Frame

Frames: TypeAlias = Generator[Frame, None, None]

#: A camera that is silent for so long is given up; the watchdog must bear it.
STALLED_S = 8.0
#: The major number of V4L2's devices (Linux, Documentation/admin-guide/devices.txt).
_V4L2 = 81
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def open_frames(
    camera: Camera,
    stop: threading.Event,
    *,
    realtime: bool = False,
    loops: int = 1,
    rest: Callable[[], float] = lambda: 0.0,
    meanwhile: Callable[[], None] = lambda: None,
) -> Frames:
    """Upright frames of `camera.source` until it ends or `stop` is set.

    `realtime` and `loops` are for files: pace them by the clock, play them so many times. `rest` is
    called between two frames of a camera, or of a file in real time; the seconds it took and says
    are passed over, as a camera's pictures are. `meanwhile` is called while a camera is silent.
    Raises `CameraError` at the first frame where there is none, or later when a camera goes away.
    """
    _prepare_opencv()
    if is_file(camera.source):
        shots = film.play(expanded(camera.source), camera.fps, loops)
        clock = MediaClock()
        for shot, skipped in (
            _paced(shots, clock, stop, rest) if realtime else ((s, 0) for s in shots)
        ):
            if stop.is_set():
                return
            yield clock.frame(_upright(shot.gray, camera), shot.from_s, skipped)
    else:
        live = LiveClock()
        patience = Patience(shown(camera.source), camera.fps, STALLED_S, meanwhile)
        for gray in _live(camera, stop, patience):
            yield live.frame(_upright(gray, camera), patience.skipped())
            rest()


def _paced(
    shots: Iterable[film.Shot], clock: MediaClock, stop: threading.Event, rest: Callable[[], float]
) -> Iterator[tuple[film.Shot, int]]:
    """Each shot when it is due, with the number of those before it that a rest has cost.

    A machine that is too slow plays late, but every frame.
    """
    rested_s, skipped = 0.0, 0
    for shot in shots:
        if rested_s > 0 and clock.early_s(shot.to_s) < 0:
            rested_s -= shot.to_s - shot.from_s
            skipped += 1
            continue
        stop.wait(max(0.0, clock.early_s(shot.from_s)))
        yield shot, skipped
        rested_s, skipped = rest(), 0


def _prepare_opencv() -> None:
    """One thread, the one that the stopwatch measures; and silence: our own line says it better."""
    cv2.setNumThreads(1)
    place: Any = getattr(cv2.utils, "logging", cv2)  # OpenCV 4.14 has moved it there
    place.setLogLevel(0)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET


def is_file(source: str) -> bool:
    """Whether `source` is played with media time as its clock.

    Raises `CameraError` where it may lie below a directory that is closed to us.
    """
    if source in {"auto", "picamera2"} or source.isdecimal():  # whatever lies where we started
        return False
    try:
        mode = expanded(source).stat().st_mode
    except PermissionError as error:
        raise film.denied(shown(source), error) from error
    except (OSError, ValueError):  # not there, or no path at all
        return False
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _upright(gray: ByteArray, camera: Camera) -> ByteArray:
    if camera.rotation:
        gray = np.asarray(cv2.rotate(gray, _TURNS[camera.rotation]), np.uint8)
    if camera.flip:
        gray = np.asarray(cv2.flip(gray, 1), np.uint8)
    return gray


def _live(
    camera: Camera, stop: threading.Event, patience: Patience
) -> Generator[ByteArray, None, None]:
    source = camera.source
    refuse_absent(camera)
    if source == "picamera2" or (source == "auto" and picamera.present()):
        patience.name = "the Pi camera"
        yield from picamera.luma(camera, stop, patience)
    elif source == "auto":
        patience.name = "the camera"
        yield from webcam.newest(partial(webcam.first_device, camera), stop, patience)
    elif "://" in source:
        opening = partial(webcam.stream, source, shown(source))
        yield from webcam.newest(opening, stop, patience)
    else:
        patience.name = _node(source)
        opening = partial(webcam.device, patience.name, camera)
        yield from webcam.newest(opening, stop, patience)


def refuse_absent(camera: Camera) -> None:
    """Raises `CameraError` for a source that names nothing there is, without opening it."""
    source = camera.source
    if source in {"auto", "picamera2"} or "://" in source or is_file(source):
        return
    node = _node(source)
    if not node.startswith("/dev/"):
        raise CameraError(f"{source}: no such file, folder or camera (see camera.source)")
    if not Path(node).exists():
        raise CameraError(f"{node}: no such camera; plug it in, or set camera.source")


def refuse_wrong(camera: Camera) -> None:
    """Raises `CameraError` for a source that can be known to be wrong, and opens no camera."""
    source = camera.source
    refuse_absent(camera)
    if source == "picamera2":
        picamera.library()
    elif is_file(source):
        with closing(open_frames(camera, threading.Event())) as frames:
            if next(frames, None) is None:
                raise CameraError(f"{source}: no picture can be read from it")
    elif source != "auto" and "://" not in source:
        found = Path(_node(source)).stat()
        if not stat.S_ISCHR(found.st_mode) or os.major(found.st_rdev) != _V4L2:
            raise CameraError(f"{_node(source)}: is no camera (see camera.source)")


def _node(source: str) -> str:
    return f"/dev/video{source}" if source.isdecimal() else source
