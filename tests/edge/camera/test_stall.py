"""Cameras that fall silent, are unplugged or send damaged pictures."""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import cv2
import numpy as np
import pytest

from edge.camera import opencv, picamera, source, stall
from edge.camera.source import Waiting, open_frames, pictures_only
from edge.config.schema import CameraConfig
from edge.errors import CameraError
from edge.records import ByteArray, Frame
from tests.support.cameras import Device, picture, pull


def test_a_camera_that_is_unplugged_ends_in_one_line(
    device: Device,
    live: Callable[..., Iterator[Frame]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source, "STALLED_S", 0.5)
    frames = live()
    device.pictures.put(picture(1))
    next(frames)
    pull(device)
    with pytest.raises(
        CameraError, match=r"/dev/null: no picture for .* unplugged or stopped sending"
    ):
        next(frames)
    assert device.released.is_set()


def test_a_camera_whose_node_vanishes_ends_at_once(
    device: Device, live: Callable[..., Iterator[Frame]]
) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        node = f"{folder}/video0"
        os.mkfifo(node)
        frames = live(source=node)
        device.pictures.put(picture(1))
        next(frames)
    with pytest.raises(CameraError, match=r"/dev/shm/.*: the camera was unplugged"):
        next(frames)


def test_a_read_that_fails_is_tried_again(
    device: Device, live: Callable[..., Iterator[Frame]]
) -> None:
    frames = live()
    for value in (1, None, None, 2):
        device.pictures.put(None if value is None else picture(value))
        if value is not None:
            assert next(frames).gray[0, 0] == value


def test_a_camera_that_stalls_is_spoken_of_and_goes_on_when_it_is_back(
    device: Device,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("edge.camera.stall.SILENT_S", 0.5)
    with closing(open_frames(CameraConfig(source="/dev/null", fps=100))) as frames:
        device.pictures.put(picture(1))
        assert next(pictures_only(frames)).gray[0, 0] == 1
        assert next(frames) == Waiting(silent=False)
        next(frames)
        assert next(frames) == Waiting(silent=True)
        for value in (2, 3):
            device.pictures.put(picture(value))
            assert next(pictures_only(frames)).gray[0, 0] == value
        device.pictures.put(None)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert re.fullmatch(r"/dev/null: no picture for 0\.\d s; check its cable", said[0])
    assert said[1].startswith("/dev/null: pictures again after 0.")


def test_a_stall_is_spoken_of_within_three_seconds() -> None:
    said = stall.SILENT_S + opencv._POLL_S
    assert max(said, stall.SILENT_S + picamera._POLL_S) < 3
    assert source.STALLED_S > 3


def test_a_camera_that_stalls_ends_in_one_line_and_is_not_released_under_its_read(
    device: Device,
    live: Callable[..., Iterator[Frame]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source, "STALLED_S", 0.5)
    frames = live()
    device.pictures.put(picture(1))
    next(frames)
    with pytest.raises(CameraError, match="/dev/null: no picture for"):
        next(frames)
    assert not device.released.is_set()


def test_a_picture_torn_on_its_way_is_passed_over(
    device: Device, live: Callable[..., Iterator[Frame]]
) -> None:
    device.sends = "MJPG"
    jpegs = [cv2.imencode(".jpg", picture(value))[1].reshape(1, -1) for value in (50, 90)]
    for jpeg in (jpegs[0], jpegs[0]):  # the first is for trying
        device.pictures.put(np.asarray(jpeg, np.uint8))
    frames = live()
    assert abs(int(next(frames).gray[0, 0]) - 50) < 3
    device.pictures.put(np.asarray(jpegs[0][:, 100:], np.uint8))
    threading.Timer(0.4, device.pictures.put, [np.asarray(jpegs[1], np.uint8)]).start()
    assert abs(int(next(frames).gray[0, 0]) - 90) < 3


def test_a_camera_that_sends_nothing_but_damage_is_given_up(
    device: Device,
    live: Callable[..., Iterator[Frame]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source, "STALLED_S", 0.5)
    device.sends = "MJPG"
    jpeg = np.asarray(cv2.imencode(".jpg", picture(50))[1].reshape(1, -1), np.uint8)
    for _ in range(2):
        device.pictures.put(jpeg)
    frames = live()
    next(frames)

    def damaged() -> tuple[bool, ByteArray]:
        time.sleep(0.02)
        return True, jpeg[:, 100:]

    monkeypatch.setattr(device, "read", damaged)
    device.pictures.put(jpeg[:, 100:])
    with pytest.raises(CameraError, match=r"no picture for . s; what it sends is damaged"):
        next(frames)
