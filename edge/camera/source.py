"""Frames from any source: Pi camera, USB camera, stream, video file, folder of pictures.

A source is a generator; closing it frees the device. A frame's pixels are valid until the next
item is asked for.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np

from edge.camera import files, luma, opencv, picamera
from edge.camera.picture import Picture, Pictures
from edge.camera.stall import StallDetector
from edge.clock import LiveClock, MediaClock
from edge.config.paths import expanded
from edge.config.schema import CameraConfig
from edge.errors import CameraError
from edge.records import ByteArray, Frame
from edge.redact import redacted

#: A silent camera has stalled after this time; less than the service's watchdog allows.
STALLED_S = 8.0
#: How often a source that waits says so.
_POLL_S = 0.25
#: The major number of V4L2's devices (Linux, Documentation/admin-guide/devices.txt).
_V4L2 = 81


class Waiting(NamedTuple):
    """No picture yet; `silent` when one is overdue."""

    silent: bool


#: `Waiting` comes several times a second while there is no frame.
Frames: TypeAlias = Generator[Frame | Waiting, None, None]


def open_frames(
    camera: CameraConfig,
    *,
    realtime: bool = False,
    loops: int = 1,
    paused_s: Callable[[], float] = lambda: 0.0,
) -> Frames:
    """Yield upright frames of `camera.source`, and `Waiting` while there is none.

    `realtime`, `loops` and `paused_s` are for files: play them at their own pace, and `loops`
    times; seconds so far for which nobody wanted a frame. A camera never ends. Raises `CameraError`
    at the first frame where there is no source, or later when the camera goes away or stalls.
    """
    _prepare_opencv()
    if is_file(camera.source):
        yield from _file(camera, MediaClock(realtime=realtime, paused_s=paused_s), realtime, loops)
    else:
        yield from _live(camera)


def pictures_only(frames: Frames) -> Iterator[Frame]:
    """Yield the frames, and wait for as long as there is none."""
    return (frame for frame in frames if isinstance(frame, Frame))


def _file(camera: CameraConfig, clock: MediaClock, realtime: bool, loops: int) -> Frames:
    path = expanded(camera.source)
    still = path.is_dir()
    with closing(files.play(path, camera.fps, loops)) as shots:
        for shot in shots:
            # A machine that is too slow plays late, but every frame.
            while realtime and (early_s := clock.early_s(shot.from_s)) > 0:
                time.sleep(min(early_s, _POLL_S))
                yield Waiting(silent=False)
            yield clock.frame(_upright(shot.gray, camera), shot.from_s, still=still)


def _live(camera: CameraConfig) -> Frames:
    name, pictures = _camera(camera)
    clock, stall = LiveClock(), StallDetector(name, camera.fps, STALLED_S)
    with closing(pictures):
        for found in pictures:
            if isinstance(found, Picture):
                stall.reset()
                yield clock.frame(_upright(found.gray, camera), found.skipped)
            else:
                stall.waited(found.waited_s, found.hint)
                yield Waiting(stall.silent)


def opens_again() -> bool:
    """Return whether this process can open a camera that it has closed.

    With picamera2 it may get no picture then, and it loses descriptors and buffers each time.
    """
    return "picamera2" not in sys.modules


def _camera(camera: CameraConfig) -> tuple[str, Pictures]:
    """Return the name for messages, and the pictures."""
    refuse_absent(camera)
    source = camera.source
    if source == "picamera2" or (source == "auto" and picamera.present()):
        return "the Pi camera", picamera.pictures(camera)
    opening: Callable[[], opencv.Capture]
    if source == "auto":
        name, opening = "the camera", partial(opencv.first_device, camera)
    elif "://" in source:
        name = redacted(source)
        opening = partial(opencv.stream, source, name, camera.fps)
    else:
        name = _node(source)
        opening = partial(opencv.device, name, camera)
    return name, opencv.pictures(opening, name)


def _prepare_opencv() -> None:
    """Use one thread, which the stage timer measures; silence OpenCV's messages."""
    cv2.setNumThreads(1)
    place: Any = getattr(cv2.utils, "logging", cv2)  # OpenCV 4.14 has moved it there
    place.setLogLevel(0)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET


def is_file(source: str) -> bool:
    """Return whether `source` is a file or folder, with media time as its clock.

    Raises `CameraError` where it lies below a directory that is closed to us.
    """
    if source in {"auto", "picamera2"} or source.isdecimal():  # whatever the directory holds
        return False
    try:
        mode = expanded(source).stat().st_mode
    except PermissionError as error:
        raise files.denied(redacted(source), error) from error
    except (OSError, ValueError):  # absent, or not a path at all
        return False
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _upright(gray: ByteArray, camera: CameraConfig) -> ByteArray:
    gray = luma.rotated(gray, camera.rotation)
    if camera.flip:
        gray = np.asarray(cv2.flip(gray, 1), np.uint8)
    return gray


def refuse_absent(camera: CameraConfig) -> None:
    """Raise `CameraError` for a source that does not exist, without opening it."""
    source = camera.source
    if source in {"auto", "picamera2"} or "://" in source or is_file(source):
        return
    node = _node(source)
    if not node.startswith("/dev/"):
        raise CameraError(f"{source}: no such file, folder or camera (see camera.source)")
    if not Path(node).exists():
        raise CameraError(f"{node}: no such camera; plug it in, or set camera.source")


def refuse_wrong(camera: CameraConfig) -> None:
    """Raise `CameraError` for a source known to be wrong without opening a camera."""
    source = camera.source
    refuse_absent(camera)
    if source == "picamera2":
        picamera.library()
    elif is_file(source):
        with closing(open_frames(camera)) as frames:
            if next(frames, None) is None:
                raise CameraError(f"{source}: no picture can be read from it")
    elif source != "auto" and "://" not in source:
        found = Path(_node(source)).stat()
        if not stat.S_ISCHR(found.st_mode) or os.major(found.st_rdev) != _V4L2:
            raise CameraError(f"{_node(source)}: not a camera (see camera.source)")


def _node(source: str) -> str:
    return f"/dev/video{source}" if source.isdecimal() else source
