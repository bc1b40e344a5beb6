"""Cameras through OpenCV, with a stand-in for the lowest layer."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.camera import opencv
from edge.camera.source import Waiting, open_frames, pictures_only
from edge.config.schema import CameraConfig
from edge.errors import CameraError
from edge.records import ByteArray, Frame
from tests.conftest import wait_for
from tests.support.cameras import Device, picture


def test_a_camera_is_asked_for_the_configured_size_and_rate(
    device: Device, live: Callable[..., Iterator[Frame]]
) -> None:
    device.pictures.put(picture(7))
    assert next(live()).gray.shape == (48, 64)
    assert device.asked == ("/dev/null", cv2.CAP_V4L2)
    assert device.settings[cv2.CAP_PROP_FRAME_WIDTH] == 320
    assert device.settings[cv2.CAP_PROP_FRAME_HEIGHT] == 240
    assert device.settings[cv2.CAP_PROP_FPS] == 10


def test_the_newest_picture_wins_over_those_that_waited(
    device: Device, live: Callable[..., Iterator[Frame]]
) -> None:
    frames = live()
    device.pictures.put(picture(1))
    assert next(frames).gray[0, 0] == 1
    for value in range(2, 10):  # while the loop is busy with the first
        device.pictures.put(picture(value))
    wait_for(lambda: device.taken == 9, "the reader to drain the queue")
    latest = next(frames)
    assert (latest.gray[0, 0], latest.skipped) == (9, 7)
    device.pictures.put(picture(10))
    assert next(frames).skipped == 0


def test_a_picture_in_colour_is_not_kept_while_its_gray_one_is_looked_at(
    device: Device, live: Callable[..., Iterator[Frame]]
) -> None:
    frames = live()
    device.pictures.put(sent := picture(1))
    colour = weakref.ref(sent)
    del sent
    next(frames)
    wait_for(lambda: colour() is None, "the memory to be free")


def test_frames_of_a_camera_have_the_clocks_times(
    device: Device, live: Callable[..., Iterator[Frame]]
) -> None:
    device.pictures.put(picture(1))
    frame = next(live())
    assert abs((datetime.now().astimezone() - frame.time).total_seconds()) < 5
    assert frame.time.utcoffset() is not None
    assert frame.source_s == frame.monotonic_s
    assert 0 <= time.monotonic() - frame.monotonic_s < 5


@pytest.mark.parametrize("waits", [False, True])
def test_closing_the_frames_frees_the_camera(device: Device, waits: bool) -> None:
    frames = open_frames(CameraConfig(source="/dev/null"))
    device.pictures.put(picture(1))
    assert isinstance(next(frames), Frame)
    if waits:
        assert isinstance(next(frames), Waiting)
    device.pictures.put(picture(2))
    frames.close()
    assert device.released.is_set()


def test_a_busy_camera_is_refused(device: Device, live: Callable[..., Iterator[Frame]]) -> None:
    device.opens = False
    with pytest.raises(CameraError, match="/dev/null: cannot open the camera; another program"):
        next(live())


@pytest.mark.parametrize("sends", ["MJPG", "JPEG", "YUYV", "GREY", "BGR3"])
def test_a_camera_is_read_in_gray_whatever_it_sends(
    device: Device, live: Callable[..., Iterator[Frame]], sends: str
) -> None:
    device.sends = sends
    ramp = np.linspace(0, 255, 64).round().astype(np.uint8)
    wanted = np.tile(ramp, (48, 1))
    narrow = (wanted * (219 / 255) + 16).round().astype(np.uint8)  # a video camera's range
    jpeg = cv2.imencode(".jpg", cv2.merge([wanted] * 3), [cv2.IMWRITE_JPEG_QUALITY, 100])[1]
    raw = {
        "YUYV": np.dstack([narrow, np.full_like(narrow, 128)]),
        "GREY": wanted,
        "BGR3": cv2.merge([wanted] * 3),
    }.get(sends, np.pad(jpeg.reshape(1, -1), ((0, 0), (0, 5000))))  # the driver's whole buffer
    device.pictures.put(np.asarray(raw, np.uint8))
    device.pictures.put(np.asarray(raw, np.uint8))
    got = next(live()).gray
    assert got.shape == (48, 64)
    assert np.abs(got.astype(int) - wanted).max() <= 2
    converted = device.settings.get(cv2.CAP_PROP_CONVERT_RGB, 1)
    assert converted == (1 if sends == "BGR3" else 0)


@pytest.mark.parametrize("raw", [np.zeros((1, 5000), np.uint8), np.zeros((48, 60, 2), np.uint8)])
def test_a_camera_whose_own_format_we_cannot_read_is_read_in_colour(
    device: Device, live: Callable[..., Iterator[Frame]], raw: ByteArray
) -> None:
    device.sends = "MJPG"
    for _ in range(3):
        device.pictures.put(raw)
    device.pictures.put(picture(9))
    assert next(live()).gray[0, 0] == 9
    assert device.settings[cv2.CAP_PROP_CONVERT_RGB] == 1


def test_auto_takes_the_first_node_that_gives_a_picture(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Pi has many video nodes that are no cameras."""
    nodes = [tmp_path / f"video{n}" for n in (0, 2, 10)]
    for node in nodes:
        node.touch()
    monkeypatch.setattr(opencv, "DEVICES", tmp_path)
    monkeypatch.setattr("edge.camera.picamera.present", lambda: False)
    device.pictures.put(None)
    device.pictures.put(picture(5))
    device.pictures.put(picture(6))
    device.released = Countdown(1)
    with closing(open_frames(CameraConfig(source="auto"))) as found:
        assert next(pictures_only(found)).gray[0, 0] == 6
        assert device.asked[0] == str(nodes[1])


class Countdown(threading.Event):
    """Lets the first `more` releases pass: those of nodes that gave no picture."""

    def __init__(self, more: int) -> None:
        super().__init__()
        self._more = more

    def set(self) -> None:
        if self._more:
            self._more -= 1
        else:
            super().set()
