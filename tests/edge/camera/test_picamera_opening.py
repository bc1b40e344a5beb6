"""Pi cameras that are absent, busy or unusable, and which camera `auto` takes."""

from __future__ import annotations

import logging
import sys
from contextlib import closing

import numpy as np
import pytest

from edge.camera import opencv
from edge.camera import source as cameras
from edge.camera.source import pictures_only
from edge.config.schema import CameraConfig
from edge.errors import CameraError
from edge.records import ByteArray
from tests.support.cameras import FAST, pi_pictures
from tests.support.fake_picamera2 import CSI, USB, FakePicamera2, Sensor


def failure(camera: CameraConfig = FAST) -> str:
    with pytest.raises(CameraError) as caught:
        next(pi_pictures(camera))
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text


# Cameras that cannot be used


def test_an_absent_camera_is_one_clear_line(sensor: Sensor) -> None:
    sensor.cameras = []
    assert failure().startswith("no Pi camera 0 found: check its cable and camera.index")


def test_an_absent_camera_of_older_libraries_is_one_clear_line(
    sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init(self: FakePicamera2, camera_num: int) -> None:
        self.sensor.cameras[camera_num]["Num"]

    sensor.cameras = []
    monkeypatch.setattr(FakePicamera2, "__init__", init)
    assert failure().startswith("no Pi camera 0 found")


def test_a_busy_camera_is_one_clear_line(sensor: Sensor) -> None:
    sensor.failure = "Failed to acquire camera: Device or resource busy"
    assert failure().startswith("the Pi camera is busy: another program is using it")


def test_any_other_failure_to_open_says_what_lies_below_it(sensor: Sensor) -> None:
    sensor.failure = "Failed to initialize camera"
    assert failure() == "the Pi camera cannot be opened: Failed to initialize camera"


def test_a_configuration_that_is_refused_is_one_clear_line(sensor: Sensor) -> None:
    sensor.configure_failure = "Control FrameDurationLimits is not advertised by libcamera"
    assert failure() == f"the Pi camera does not start: {sensor.configure_failure}"
    assert sensor.opened[0].closed


def test_a_format_without_luma_is_refused_and_the_camera_closed(sensor: Sensor) -> None:
    sensor.format = "MJPEG"
    assert failure() == "the Pi camera gives MJPEG, which has no luma plane"
    assert sensor.opened[0].closed


def test_where_picamera2_is_missing_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    text = failure()
    assert "apt install python3-picamera2" in text
    assert "--system-site-packages" in text


def test_a_picamera2_made_for_another_numpy_is_one_clear_line(broken: None) -> None:
    assert failure().startswith("picamera2 does not work with this environment's numpy")


# auto


class Webcam:
    """A V4L2 camera as OpenCV gives it."""

    def read(self) -> tuple[bool, ByteArray]:
        return True, np.full((240, 320), 50, np.uint8)

    def release(self) -> None:
        pass


@pytest.fixture
def usb_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencv, "first_device", lambda _: Webcam())


def auto_shape() -> tuple[int, ...]:
    with closing(cameras.open_frames(CameraConfig(width=600, height=400))) as source:
        return next(pictures_only(source)).gray.shape


@pytest.mark.usefixtures("usb_camera")
def test_auto_takes_the_pi_camera_where_there_is_one(sensor: Sensor) -> None:
    sensor.cameras = [CSI, USB]
    assert auto_shape() == (400, 600)


@pytest.mark.usefixtures("usb_camera")
def test_auto_leaves_usb_cameras_to_v4l2(sensor: Sensor) -> None:
    sensor.cameras = [USB]
    assert auto_shape() == (240, 320)
    assert not sensor.opened


@pytest.mark.usefixtures("usb_camera")
def test_auto_takes_v4l2_where_the_pi_has_no_camera(sensor: Sensor) -> None:
    sensor.cameras = []
    assert auto_shape() == (240, 320)


@pytest.mark.usefixtures("usb_camera")
def test_auto_takes_v4l2_without_a_word_where_picamera2_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    assert auto_shape() == (240, 320)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.usefixtures("usb_camera", "broken")
def test_auto_says_so_when_picamera2_is_there_but_broken(caplog: pytest.LogCaptureFixture) -> None:
    assert auto_shape() == (240, 320)
    assert "picamera2 does not work with this environment's numpy" in caplog.text
