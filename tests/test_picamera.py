"""The Pi camera: what the real picamera2 does, its fake does here (see `fake_picamera2`)."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge import camera as cameras
from edge import picamera, webcam
from edge.config import Camera
from edge.errors import CameraError
from edge.patience import Patience
from edge.records import ByteArray
from tests.conftest import ROOT, environment
from tests.fake_picamera2 import CSI, OVERWRITTEN, USB, FakePicamera2, Sensor

FAST = Camera(source="picamera2", width=600, height=400, fps=240)


@pytest.fixture
def sensor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sensor]:
    """A Pi camera that a test may spoil before it is opened."""
    made = Sensor()
    monkeypatch.setitem(sys.modules, "picamera2", made.module())
    monkeypatch.setattr(picamera, "_CLOSE_S", 0.05)
    yield made
    made.unhang.set()


def pictures(
    camera: Camera = FAST, stop: threading.Event | None = None, patience: Patience | None = None
) -> Generator[ByteArray, None, None]:
    """As the product opens it, except that a camera silent for 3 frames has stalled."""
    return picamera.luma(camera, stop or threading.Event(), patience or waiting(0))


def waiting(stalled_s: float, meanwhile: Callable[[], None] = lambda: None) -> Patience:
    return Patience("the Pi camera", FAST.fps, stalled_s, meanwhile)


def failure(camera: Camera = FAST) -> str:
    with pytest.raises(CameraError) as caught:
        next(pictures(camera))
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text


# Pictures


def test_a_picture_is_a_view_of_the_cameras_own_buffer(sensor: Sensor) -> None:
    source = pictures()
    gray = next(source)
    (device,) = sensor.opened
    assert not gray.flags.owndata
    assert any(
        np.shares_memory(gray, np.frombuffer(buffer.memory, np.uint8))
        for buffer in device.allocator.buffers
    )


def test_padding_and_chroma_are_cut_off(sensor: Sensor) -> None:
    source = pictures()
    gray = next(source)
    assert gray.shape == (400, 600)
    assert gray.strides == (640, 1)
    assert np.array_equal(gray, sensor.opened[0].picture()[:400, :600])


def test_luma_uses_the_whole_range_like_the_pictures_a_model_learned_from(sensor: Sensor) -> None:
    source = pictures()
    gray = next(source)
    assert (gray.min(), gray.max()) == (0, 255)


def test_a_size_that_the_camera_adjusted_is_the_pictures_size(sensor: Sensor) -> None:
    sensor.largest = (320, 240)
    assert next(pictures()).shape == (240, 320)


def test_a_picture_is_the_cameras_again_when_the_next_one_is_asked_for(sensor: Sensor) -> None:
    source = pictures()
    first = next(source)
    next(source)
    assert (first == OVERWRITTEN).all()


@pytest.mark.parametrize("maps_each_picture", [False, True])
def test_thousands_of_pictures_take_one_buffer_at_a_time(
    sensor: Sensor, maps_each_picture: bool
) -> None:
    sensor.maps_each_picture = maps_each_picture
    source = pictures(Camera(width=64, height=48, fps=240))
    for _ in range(2000):
        gray = next(source)  # held while the next one is taken
        assert sensor.opened[0].outstanding == 1
    assert gray.shape == (48, 64)


def test_a_camera_slower_than_our_glances_loses_no_buffer(sensor: Sensor) -> None:
    sensor.timeouts_per_picture = 3
    source = pictures(patience=waiting(10))
    for _ in range(20):
        next(source)
        assert sensor.opened[0].outstanding == 1


def test_pictures_that_came_too_early_are_counted_by_their_numbers(sensor: Sensor) -> None:
    sensor.unseen_per_picture = 4
    patience = waiting(0)
    source = pictures(patience=patience)
    counts = [(next(source), patience.skipped())[1] for _ in range(4)]
    assert counts == [0, 4, 4, 4]


# The end


def test_who_stops_looking_frees_buffer_and_camera(sensor: Sensor) -> None:
    source = pictures()
    next(source)
    source.close()
    (device,) = sensor.opened
    assert device.closed
    assert not device.outstanding


def test_told_to_stop_it_ends_and_frees_the_camera(sensor: Sensor) -> None:
    stop = threading.Event()
    source = pictures(stop=stop)
    next(source)
    stop.set()
    assert list(source) == []
    assert sensor.opened[0].closed


def test_told_to_stop_while_it_waits_it_ends_without_a_complaint(sensor: Sensor) -> None:
    stop = threading.Event()
    sensor.silent, sensor.on_timeout = True, stop.set
    assert list(pictures(stop=stop, patience=waiting(60))) == []
    assert sensor.opened[0].closed


def test_the_last_picture_may_still_be_held_when_the_camera_closes(
    sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    stop = threading.Event()
    source = pictures(stop=stop)
    gray = next(source)
    stop.set()
    assert list(source) == []
    assert sensor.opened[0].closed
    assert not complaints
    assert gray.shape == (400, 600)


def test_a_stall_is_one_clear_line_and_the_camera_is_closed(sensor: Sensor) -> None:
    source = pictures()
    next(source)
    sensor.silent = True
    with pytest.raises(CameraError, match="the Pi camera: no picture for"):
        next(source)
    assert sensor.opened[0].closed


def test_a_camera_that_falls_silent_is_spoken_of_and_its_pictures_are_taken_again(
    sensor: Sensor, caplog: pytest.LogCaptureFixture
) -> None:
    turns: list[int] = []

    def meanwhile() -> None:
        turns.append(1)
        sensor.silent = len(turns) < 4

    source = pictures(patience=waiting(10, meanwhile))
    next(source)
    sensor.silent = True
    next(source)
    assert len(turns) == 4, "the loop goes on with its other duties"
    assert [record.getMessage() for record in caplog.records] == [
        "the Pi camera: no picture for 2.0 s; check its cable",
        "the Pi camera: pictures again after 3.5 s",
    ]
    assert len(sensor.opened) == 1


def test_a_camera_that_does_not_close_is_left_after_a_while(
    sensor: Sensor, caplog: pytest.LogCaptureFixture
) -> None:
    sensor.silent = sensor.close_hangs = True
    assert "no picture for" in failure()
    assert "does not answer any more" in caplog.text
    assert not sensor.opened[0].closed


@pytest.mark.parametrize("hang", ["close_hangs", "interpreter_hangs"])
def test_the_program_ends_with_1_even_when_the_driver_never_answers(
    hang: str, tmp_path: Path
) -> None:
    program = f"""
import sys
from tests.fake_picamera2 import Sensor
Sensor(silent=True, {hang}=True).install()
from edge import __main__, camera, picamera
camera.STALLED_S = picamera._CLOSE_S = 0.1
sys.exit(__main__.main(["run", "--source", "picamera2"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(tmp_path),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "the Pi camera: no picture for" in done.stderr


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


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Bookworm's picamera2 does where an environment brought numpy 2."""
    complaint = "numpy.dtype size changed, may indicate binary incompatibility."
    (tmp_path / "picamera2.py").write_text(f"raise ValueError({complaint!r})\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "picamera2", raising=False)


# auto


class Webcam:
    """A V4L2 camera as OpenCV gives it."""

    def read(self) -> tuple[bool, ByteArray]:
        return True, np.full((240, 320), 50, np.uint8)

    def release(self) -> None:
        pass


@pytest.fixture
def usb_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webcam, "first_device", lambda _: Webcam())


def auto_shape() -> tuple[int, ...]:
    source = cameras.open_frames(Camera(width=600, height=400), threading.Event())
    shape = next(source).gray.shape
    source.close()
    return shape


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
