"""Cameras through OpenCV: USB cameras (V4L2) and network streams."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import cv2

from edge.camera import luma
from edge.camera.picture import NoPicture, Picture, Pictures
from edge.config.schema import CameraConfig
from edge.errors import CameraError

if TYPE_CHECKING:
    from edge.camera.snapshot import Snapshots

DEVICES = Path("/dev")
_POLL_S = 0.25
#: How long opening may take: a slow stream server, or many nodes that are not cameras.
_OPENING_S = 60.0
#: Retry interval after a failed read; a cable glitch is not fatal.
_RETRY_S = 0.05
_JOIN_S = 0.5
#: How long opening a stream, and waiting for its next picture, may take; a slow stream is allowed
#: three of its intervals. FFmpeg cannot go on after a read that took too long.
_STREAM_OPEN_S, _STREAM_READ_S, _STREAM_FRAMES = 10.0, 10.0, 3

#: What gives pictures by `read()` and is freed by `release()`.
Capture: TypeAlias = "cv2.VideoCapture | Snapshots"


def device(node: str, camera: CameraConfig) -> cv2.VideoCapture:
    """Open a V4L2 camera at the configured size and rate. Raises `CameraError`."""
    capture = cv2.VideoCapture(node, cv2.CAP_V4L2)
    if not capture.isOpened():
        raise CameraError(f"{node}: cannot open the camera; another program may be using it")
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, camera.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, camera.height)
    capture.set(cv2.CAP_PROP_FPS, camera.fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    luma.request_raw(capture)
    return capture


def first_device(camera: CameraConfig) -> cv2.VideoCapture:
    """Open the first V4L2 node that gives a picture; on a Pi many are not cameras."""
    nodes = sorted(DEVICES.glob("video*"), key=lambda p: int("0" + p.name[5:]))
    for node in nodes:
        try:
            capture = device(str(node), camera)
        except CameraError:
            continue
        if capture.read()[0]:
            return capture
        capture.release()
    raise CameraError("no camera found; connect one, or set camera.source to a device, URL or file")


def stream(address: str, name: str, fps: float) -> Capture:
    """Open a network stream, or a URL of a single picture.

    `name` is `address` without password.
    """
    if address.startswith(("http://", "https://")):
        # Here, not above: the standard library's HTTP client takes 30 ms to load.
        from edge.camera.snapshot import Snapshots  # noqa: PLC0415

        if (snapshots := Snapshots(address, fps)).is_picture():
            return snapshots
    capture = _stream(address, name, fps)
    if luma.is_jpeg(capture) and not luma.request_jpegs(capture):
        capture.release()
        capture = _stream(address, name, fps)
    return capture


def _stream(address: str, name: str, fps: float) -> cv2.VideoCapture:
    read_s = max(_STREAM_READ_S, _STREAM_FRAMES / fps)
    limits = {
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: _STREAM_OPEN_S,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC: read_s,
    }
    parameters = [round(x) for key, limit_s in limits.items() for x in (key, 1000 * limit_s)]
    capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, parameters)
    if not capture.isOpened():
        raise CameraError(f"{name}: cannot open the stream; check address and camera")
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # the default differs between releases
    return capture


class _Reader:
    """A thread that opens a camera and drains its queue, so that no picture grows old in it.

    Only the thread touches the capture: releasing one during a blocked read crashes its driver.
    """

    def __init__(self, opening: Callable[[], Capture]) -> None:
        self._opening = opening
        self._newest: deque[tuple[int, cv2.typing.MatLike]] = deque(maxlen=1)
        self._taken = 0
        self.opened, self.arrived = threading.Event(), threading.Event()
        self.refusal: CameraError | None = None
        self.failing = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work, name="camera", daemon=True)
        self._thread.start()

    def newest(self) -> tuple[int, cv2.typing.MatLike] | None:
        """Return how many pictures were skipped and the newest; None when it was taken."""
        if not self._newest:
            return None
        number, picture = self._newest.pop()
        skipped, self._taken = number - self._taken - 1, number
        return skipped, picture

    def close(self) -> None:
        self._done.set()
        self._thread.join(_JOIN_S)  # a driver that hangs is abandoned

    def _work(self) -> None:
        try:
            capture = self._opening()
        except CameraError as error:
            self.refusal = error
            self.opened.set()
            return
        self.opened.set()
        number = 0
        while not self._done.is_set():
            ok, picture = capture.read()
            self.failing = not ok
            if ok:
                number += 1
                self._newest.append((number, picture))
                self.arrived.set()
            else:
                self._done.wait(_RETRY_S)
            del picture  # in colour it is large, and the next one may be long in coming
        capture.release()


def pictures(opening: Callable[[], Capture], name: str) -> Pictures:
    """Yield the newest picture each time.

    `NoPicture` comes four times a second while there is none.
    Raises `CameraError` where `opening` does, and when the device node disappears.
    """
    reader = _Reader(opening)
    try:
        yield from _until_open(reader, name)
        since_s, skipped = time.monotonic(), 0
        while True:
            reader.arrived.wait(_POLL_S)
            reader.arrived.clear()
            found = reader.newest()
            gray = None if found is None else luma.luma(found[1])
            skipped += 0 if found is None else found[0]
            torn, found = found is not None, None  # in colour it is large
            if gray is None:
                waited_s = time.monotonic() - since_s
                since_s += waited_s
                yield NoPicture(waited_s, _hint(name, reader, torn=torn))
            else:
                yield Picture(gray, skipped)
                since_s, skipped = time.monotonic(), 0
    finally:
        reader.close()


def _until_open(reader: _Reader, name: str) -> Pictures:
    """Wait for `reader`, within a time limit of its own.

    Opening does not count as silence.
    """
    waited_s = 0.0
    while not reader.opened.wait(_POLL_S):
        waited_s += _POLL_S
        if waited_s >= _OPENING_S:
            raise CameraError(f"{name}: cannot be opened within {_OPENING_S:.0f} s")
        yield NoPicture(0.0, "it is being opened")
    if reader.refusal is not None:
        raise reader.refusal


def _hint(name: str, reader: _Reader, *, torn: bool) -> str:
    if name.startswith("/dev/") and not Path(name).exists():
        raise CameraError(f"{name}: the camera was unplugged")
    if torn:
        return "what it sends is damaged; check its cable"
    if reader.failing:
        return "it was unplugged or stopped sending"
    if "://" in name:
        return "check the camera; lower camera.fps if the stream is slower"
    return "check its cable"
