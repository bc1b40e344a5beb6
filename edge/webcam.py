"""Cameras through OpenCV: USB ones (V4L2), and streams from the network."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from pathlib import Path

import cv2

from edge import gray
from edge.config import Camera
from edge.errors import CameraError
from edge.patience import Patience
from edge.records import ByteArray

DEVICES = Path("/dev")
_GLANCE_S = 0.25
#: How long opening may take: a stream's server, or many nodes that are no cameras.
_OPENING_S = 60.0
#: A read that failed is tried again so often: a glitch on a cable is no end.
_RETRY_S = 0.05
_END_S = 0.5
_STREAM_LIMITS = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 10_000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 5_000]


def device(node: str, camera: Camera) -> cv2.VideoCapture:
    """A V4L2 camera, set to what is wanted. Raises `CameraError` where it cannot be had."""
    capture = cv2.VideoCapture(node, cv2.CAP_V4L2)
    if not capture.isOpened():
        raise CameraError(f"{node}: cannot open the camera; another program may be using it")
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, camera.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, camera.height)
    capture.set(cv2.CAP_PROP_FPS, camera.fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    gray.take_raw(capture)
    return capture


def first_device(camera: Camera) -> cv2.VideoCapture:
    """The first V4L2 node that gives a picture; a Pi has many that are no cameras."""
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


def stream(address: str, name: str) -> cv2.VideoCapture:
    """A stream of the network; `name` is its address without a password."""
    capture = _stream(address, name)
    if gray.is_jpeg(capture) and not gray.take_jpegs(capture):
        capture.release()
        capture = _stream(address, name)
    return capture


def _stream(address: str, name: str) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, _STREAM_LIMITS)
    if not capture.isOpened():
        raise CameraError(f"{name}: cannot open the stream; check address and camera")
    return capture


class _Reader:
    """A thread that opens a camera and drains its queue, which else grows old.

    It alone touches the capture: releasing one under a blocked read would crash its driver's part.
    """

    def __init__(self, opening: Callable[[], cv2.VideoCapture]) -> None:
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
        """The newest picture and how many came before it unseen; None when it was taken."""
        if not self._newest:
            return None
        number, picture = self._newest.pop()
        skipped, self._taken = number - self._taken - 1, number
        return skipped, picture

    def close(self) -> None:
        self._done.set()
        self._thread.join(_END_S)  # a driver that hangs is left to itself

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
        capture.release()


def newest(
    opening: Callable[[], cv2.VideoCapture], stop: threading.Event, patience: Patience
) -> Generator[ByteArray, None, None]:
    """Always the newest picture, uint8 `(height, width)`, until `stop` is set.

    Raises `CameraError` where `opening` does, and when `patience` is over.
    """
    reader = _Reader(opening)
    try:
        _wait_for_opening(reader, stop, patience.name)
        since_s = time.monotonic()
        while not stop.is_set():
            reader.arrived.wait(_GLANCE_S)
            reader.arrived.clear()
            found = reader.newest()
            luma = None if found is None else gray.luma(found[1])
            if found is None or luma is None:
                waited_s = time.monotonic() - since_s
                since_s += waited_s
                patience.waited(waited_s, _hint(patience.name, reader, torn=found is not None))
                continue
            patience.rewarded(skipped=found[0])
            yield luma
            since_s = time.monotonic()
    finally:
        reader.close()


def _wait_for_opening(reader: _Reader, stop: threading.Event, name: str) -> None:
    waited_s = 0.0
    while not stop.is_set() and not reader.opened.wait(_GLANCE_S):
        waited_s += _GLANCE_S
        if waited_s >= _OPENING_S:
            raise CameraError(f"{name}: cannot be opened within {_OPENING_S:.0f} s")
    if reader.refusal is not None:
        raise reader.refusal


def _hint(name: str, reader: _Reader, *, torn: bool) -> str:
    if name.startswith("/dev/") and not Path(name).exists():
        raise CameraError(f"{name}: the camera was unplugged")
    if torn:
        return "what it sends is damaged; check its cable"
    return "it was unplugged or sends no more" if reader.failing else "check its cable"
