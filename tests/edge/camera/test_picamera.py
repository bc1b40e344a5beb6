"""The Pi camera: what the real picamera2 does, its fake does here (see `fake_picamera2`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.camera.source import Waiting, pictures_only
from edge.config.schema import CameraConfig
from edge.errors import CameraError
from tests.conftest import ROOT, environment
from tests.support.cameras import pi_frames, pi_pictures
from tests.support.fake_picamera2 import OVERWRITTEN, Sensor

# Pictures


def test_a_picture_is_a_view_of_the_cameras_own_buffer(sensor: Sensor) -> None:
    source = pi_pictures()
    gray = next(source)
    (device,) = sensor.opened
    assert not gray.flags.owndata
    assert any(
        np.shares_memory(gray, np.frombuffer(buffer.memory, np.uint8))
        for buffer in device.allocator.buffers
    )


def test_padding_and_chroma_are_cut_off(sensor: Sensor) -> None:
    source = pi_pictures()
    gray = next(source)
    assert gray.shape == (400, 600)
    assert gray.strides == (640, 1)
    assert np.array_equal(gray, sensor.opened[0].picture()[:400, :600])


def test_luma_uses_the_whole_range_like_the_pictures_a_model_learned_from(sensor: Sensor) -> None:
    source = pi_pictures()
    gray = next(source)
    assert (gray.min(), gray.max()) == (0, 255)


def test_a_size_that_the_camera_adjusted_is_the_pictures_size(sensor: Sensor) -> None:
    sensor.largest = (320, 240)
    assert next(pi_pictures()).shape == (240, 320)


def test_a_picture_is_the_cameras_again_when_the_next_one_is_asked_for(sensor: Sensor) -> None:
    source = pi_pictures()
    first = next(source)
    next(source)
    assert (first == OVERWRITTEN).all()


@pytest.mark.parametrize("maps_each_picture", [False, True])
def test_thousands_of_pictures_take_one_buffer_at_a_time(
    sensor: Sensor, maps_each_picture: bool
) -> None:
    sensor.maps_each_picture = maps_each_picture
    source = pi_pictures(CameraConfig(width=64, height=48, fps=240))
    for _ in range(2000):
        gray = next(source)  # held while the next one is taken
        assert sensor.opened[0].outstanding == 1
    assert gray.shape == (48, 64)


def test_a_camera_slower_than_our_glances_loses_no_buffer(sensor: Sensor) -> None:
    sensor.timeouts_per_picture = 3
    source = pi_pictures()
    for _ in range(20):
        next(source)
        assert sensor.opened[0].outstanding == 1


def test_pictures_that_came_too_early_are_counted_by_their_numbers(sensor: Sensor) -> None:
    sensor.unseen_per_picture = 4
    source = pictures_only(pi_frames())
    counts = [next(source).skipped for _ in range(4)]
    assert counts == [0, 4, 4, 4]


# The end


def test_who_stops_looking_frees_buffer_and_camera(sensor: Sensor) -> None:
    source = pi_pictures()
    next(source)
    source.close()
    (device,) = sensor.opened
    assert device.closed
    assert not device.outstanding


def test_closing_frees_the_camera_while_a_picture_is_awaited(sensor: Sensor) -> None:
    sensor.silent = True
    source = pi_frames()
    assert next(source) == Waiting(silent=False)
    source.close()
    assert sensor.opened[0].closed


def test_the_last_picture_may_still_be_held_when_the_camera_closes(
    sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    source = pi_pictures()
    gray = next(source)
    source.close()
    assert sensor.opened[0].closed
    assert not complaints
    assert gray.shape == (400, 600)


def test_a_stall_is_one_clear_line_and_the_camera_is_closed(sensor: Sensor) -> None:
    source = pi_pictures()
    next(source)
    sensor.silent = True
    with pytest.raises(CameraError, match="the Pi camera: no picture for"):
        next(source)
    assert sensor.opened[0].closed


def test_a_camera_that_falls_silent_is_spoken_of_and_its_pictures_are_taken_again(
    sensor: Sensor, caplog: pytest.LogCaptureFixture
) -> None:
    source = pi_frames()
    next(source)
    sensor.silent = True
    waits = [next(source) for _ in range(7)]
    assert waits == 3 * [Waiting(silent=False)] + 4 * [Waiting(silent=True)]
    sensor.silent = False
    next(source)
    assert [record.getMessage() for record in caplog.records] == [
        "the Pi camera: no picture for 2.0 s; check its cable",
        "the Pi camera: pictures again after 3.5 s",
    ]
    assert len(sensor.opened) == 1


def test_a_camera_that_does_not_close_is_left_after_a_while(
    sensor: Sensor, caplog: pytest.LogCaptureFixture
) -> None:
    sensor.silent = sensor.close_hangs = True
    with pytest.raises(CameraError, match="no picture for"):
        next(pi_pictures())
    assert "does not answer any more" in caplog.text
    assert not sensor.opened[0].closed


@pytest.mark.parametrize("hang", ["close_hangs", "interpreter_hangs"])
def test_the_program_ends_with_1_even_when_the_driver_never_answers(
    hang: str, tmp_path: Path
) -> None:
    program = f"""
import sys
from tests.support.fake_picamera2 import Sensor
Sensor(silent=True, {hang}=True).install()
from edge.camera import picamera, source as camera
from edge.cli import main
camera.STALLED_S = picamera._CLOSE_S = 0.1
sys.exit(main.main(["run", "--source", "picamera2"]))
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
