"""What stands for a camera that is not here."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace

import cv2
import numpy as np

from edge.camera.source import Frames, open_frames, pictures_only
from edge.config.schema import CameraConfig
from edge.records import ByteArray

#: A Pi camera whose stream rows are padded, and whose pictures come fast.
FAST = CameraConfig(source="picamera2", width=600, height=400, fps=240)


class Device:
    """Stands for `cv2.VideoCapture` on a camera: gives what the test puts in, blocks otherwise.

    None is a read that fails, as after unplugging.
    """

    def __init__(self) -> None:
        self.pictures: queue.Queue[ByteArray | None] = queue.Queue()
        self.opens, self.taken, self.released = True, 0, threading.Event()
        self.settings: dict[int, float] = {}
        self.asked: tuple[object, ...] = ()
        self.sends = "BGR3"
        self.size = 64, 48

    def __call__(self, *asked: object) -> Device:
        self.asked = asked
        return self

    def isOpened(self) -> bool:
        return self.opens

    def set(self, key: int, value: float) -> bool:
        self.settings[key] = value
        return True

    def get(self, key: int) -> float:
        return {
            cv2.CAP_PROP_FOURCC: float(int.from_bytes(self.sends.encode(), "little")),
            cv2.CAP_PROP_FRAME_WIDTH: self.size[0],
            cv2.CAP_PROP_FRAME_HEIGHT: self.size[1],
        }[key]

    def read(self) -> tuple[bool, ByteArray | None]:
        picture = self.pictures.get()
        self.taken += 1
        return picture is not None, picture

    def release(self) -> None:
        assert not self.released.is_set()
        self.released.set()


def pull(device: Device) -> None:
    """From now on every read fails at once."""
    device.read = lambda: (False, None)  # type: ignore[method-assign]
    device.pictures.put(None)


def picture(value: int) -> ByteArray:
    """What a camera gives: colour, one level of gray."""
    return np.full((48, 64, 3), value, np.uint8)


def pi_frames(camera: CameraConfig = FAST) -> Frames:
    return open_frames(replace(camera, source="picamera2"))


def pi_pictures(camera: CameraConfig = FAST) -> Generator[ByteArray, None, None]:
    """The luma of each frame of the Pi camera."""
    with closing(pi_frames(camera)) as opened:
        for frame in pictures_only(opened):
            yield frame.gray
