"""Stand-ins for cameras."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest

from edge.camera import picamera
from edge.camera.source import open_frames, pictures_only
from edge.config.schema import CameraConfig
from edge.records import Frame
from tests.support.cameras import Device
from tests.support.fake_picamera2 import Sensor


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    made = Device()
    monkeypatch.setattr(cv2, "VideoCapture", made)
    yield made
    made.pictures.put(None)  # no thread waits for ever


@pytest.fixture
def live(device: Device) -> Iterator[Callable[..., Iterator[Frame]]]:
    """Opens the fake camera; /dev/null stands for its node."""
    opened = []

    def start(source: str = "/dev/null") -> Iterator[Frame]:
        settings = CameraConfig(source=source, width=320, height=240, fps=10)
        opened.append(open_frames(settings))
        return pictures_only(opened[-1])

    yield start
    device.pictures.put(None)
    for generator in opened:
        generator.close()


@pytest.fixture
def sensor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sensor]:
    """A Pi camera that a test may spoil before it is opened."""
    made = Sensor()
    monkeypatch.setitem(sys.modules, "picamera2", made.module())
    monkeypatch.setattr(picamera, "_CLOSE_S", 0.05)
    yield made
    made.unhang.set()


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Bookworm's picamera2 does where an environment brought numpy 2."""
    complaint = "numpy.dtype size changed, may indicate binary incompatibility."
    (tmp_path / "picamera2.py").write_text(f"raise ValueError({complaint!r})\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "picamera2", raising=False)
