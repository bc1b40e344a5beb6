"""picamera2 as far as `edge.camera.picamera` uses it, with the behaviour observed of 0.3.38.

Observed on libcamera's virtual camera. It keeps no time: a capture that has nothing to wait for
times out at once.
"""

from __future__ import annotations

import atexit
import ctypes
import mmap
import os
import sys
import threading
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace, TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

CSI = {"Model": "imx708", "Location": 2, "Id": "/base/soc/i2c0mux/i2c@1/imx708@1a", "Num": 0}
USB = {"Model": "Webcam", "Id": "/base/scb/pcie/usb@0,0-1.2:1.0-046d:0825", "Num": 1}
PADDING, CHROMA, OVERWRITTEN = 99, 128, 7


@dataclass
class Sensor:
    """What the camera does, and what a test wants to know of it afterwards."""

    cameras: list[dict[str, Any]] = field(default_factory=lambda: [CSI])
    failure: str = ""
    """Why it cannot be opened."""
    configure_failure: str = ""
    largest: tuple[int, int] = (4608, 2592)
    format: str = "YUV420"
    silent: bool = False
    timeouts_per_picture: int = 0
    unseen_per_picture: int = 0
    """How many pictures the camera gives between two captures."""
    maps_each_picture: bool = False
    """As `LibcameraAllocator` does, in place of `DmaAllocator`."""
    close_hangs: bool = False
    interpreter_hangs: bool = False
    unhang: threading.Event = field(default_factory=threading.Event)

    opened: list[FakePicamera2] = field(default_factory=list)

    def install(self) -> None:
        """Makes it what `import picamera2` gives from now on."""
        sys.modules["picamera2"] = self.module()

    def module(self) -> ModuleType:
        """As `import picamera2` would give it."""
        module = ModuleType("picamera2")
        module.Picamera2 = type("Picamera2", (FakePicamera2,), {"sensor": self})  # type: ignore[attr-defined]
        module.MappedArray = FakeMappedArray  # type: ignore[attr-defined]
        return module


class Buffer:
    """Shared memory that the camera writes pictures into."""

    def __init__(self, size: int) -> None:
        self.fd, self.size = os.memfd_create("picture"), size
        os.ftruncate(self.fd, size)
        self.memory = self.map()

    def map(self) -> mmap.mmap:
        return mmap.mmap(self.fd, self.size)

    def fill(self, picture: npt.NDArray[np.uint8] | int) -> None:
        np.frombuffer(self.memory, np.uint8)[:] = np.ravel(picture)


class FakeAllocator:
    """Unmaps at its end, and complains when somebody still holds a picture."""

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []

    def __del__(self) -> None:
        for buffer in self.buffers:
            os.close(buffer.fd)
            buffer.memory.close()


class FakeRequest:
    def __init__(self, device: FakePicamera2, buffer: Buffer, sequence: int) -> None:
        self.device, self.buffer, self.uses = device, buffer, 1
        self.request = SimpleNamespace(sequence=sequence)  # libcamera's own

    def release(self) -> None:
        self.uses -= 1
        if self.uses < 0:
            raise RuntimeError("CompletedRequest: lock now has negative ref_count")
        self.buffer.fill(OVERWRITTEN)  # by the next picture
        self.device.free.append(self.buffer)
        self.device.outstanding -= 1


class FakeJob:
    """A capture. Until it is done it stands in the queue, whoever waits for it."""

    def __init__(self, device: FakePicamera2) -> None:
        self._device = device
        self.request: FakeRequest | None = None

    def get_result(self, timeout: float | None = None) -> FakeRequest:
        self._device.wait_for_picture()
        if self.request is None:
            if timeout is None:
                raise AssertionError("this would wait for ever")
            raise TimeoutError
        return self.request


class FakePicamera2:
    sensor: Sensor

    @classmethod
    def global_camera_info(cls) -> list[dict[str, Any]]:
        return cls.sensor.cameras

    def __init__(self, camera_num: int = 0) -> None:
        if camera_num >= len(self.sensor.cameras):
            raise RuntimeError(
                f'No camera number {camera_num} found - use "rpicam-hello --list-cameras" to check'
                " connected cameras"
            )
        if self.sensor.failure:
            cause = RuntimeError(self.sensor.failure)
            raise RuntimeError("Camera __init__ sequence did not complete.") from cause
        self.allocator = FakeAllocator()
        self.free: list[Buffer] = []
        self.jobs: list[FakeJob] = []
        self.closed = self._started = False
        self.outstanding = 0
        self._waited = self._sequence = 0
        self._configuration: dict[str, Any] = {}
        self.sensor.opened.append(self)
        atexit.register(self.close)

    def create_preview_configuration(self, **wanted: Any) -> dict[str, Any]:
        return {"colour_space": "sYCC", **wanted}

    def create_video_configuration(self, **wanted: Any) -> dict[str, Any]:
        return {"colour_space": "SMPTE170M", **wanted}

    def configure(self, configuration: dict[str, Any]) -> None:
        if self.sensor.configure_failure:
            raise RuntimeError(self.sensor.configure_failure)
        wanted = configuration["lores"]["size"]
        width, height = (
            min(a, b) // 2 * 2 for a, b in zip(wanted, self.sensor.largest, strict=True)
        )
        stride = -(-width // 64) * 64
        lores = {"format": self.sensor.format, "size": (width, height), "stride": stride}
        self._configuration = configuration | {"lores": lores}
        self.allocator.buffers = [
            Buffer(stride * height * 3 // 2) for _ in range(configuration["buffer_count"])
        ]
        self.free = list(self.allocator.buffers)

    def camera_configuration(self) -> dict[str, Any]:
        return self._configuration

    def start(self) -> None:
        self._started = True

    def capture_request(self, wait: bool | float | None = None) -> FakeRequest | FakeJob:
        job = FakeJob(self)
        self.jobs.append(job)
        if wait is False:
            return job
        return job.get_result(None if wait is None or wait is True else wait)

    def wait_for_picture(self) -> None:
        """The next picture, if there is one, goes to the job that has waited longest."""
        if not self._started or self.sensor.silent or not self.free or not self.jobs:
            return
        self._waited += 1
        if self._waited <= self.sensor.timeouts_per_picture:
            return
        self._waited = 0
        buffer = self.free.pop(0)
        buffer.fill(self.picture())
        self.outstanding += 1
        self.jobs.pop(0).request = FakeRequest(self, buffer, self._sequence)
        self._sequence += 1 + self.sensor.unseen_per_picture

    def picture(self) -> npt.NDArray[np.uint8]:
        """Luma from the darkest to the lightest value of the colour space, padded; chroma."""
        width, height = self._configuration["lores"]["size"]
        stride = self._configuration["lores"]["stride"]
        dark, light = (0, 255) if self._configuration["colour_space"] == "sYCC" else (16, 235)
        whole = np.full((height * 3 // 2, stride), CHROMA, np.uint8)
        whole[:, width:] = PADDING
        whole[:height, :width] = np.linspace(dark, light, width).round()
        return whole

    def cancel_all_and_flush(self) -> None:
        self.jobs.clear()

    def stop(self) -> None:
        """Is one more job behind those in the queue."""
        if self._started and self.jobs:
            self.sensor.unhang.wait()
        self._started = False

    def close(self) -> None:
        if self.sensor.interpreter_hangs:
            ctypes.PyDLL(None).sleep(1000)
        if self.sensor.close_hangs:
            self.sensor.unhang.wait()
        atexit.unregister(self.close)
        self._started, self.closed = False, True
        del self.allocator
        self.allocator = FakeAllocator()


class FakeMappedArray:
    def __init__(
        self, request: FakeRequest, stream: str, reshape: bool = True, write: bool = True
    ) -> None:
        assert stream == "lores"
        assert reshape
        assert not write
        self._request = request
        self._own: mmap.mmap | None = None

    def __enter__(self) -> FakeMappedArray:
        buffer = self._request.buffer
        if self._request.device.sensor.maps_each_picture:
            self._own = buffer.map()
        stride = self._request.device.camera_configuration()["lores"]["stride"]
        self.array = np.frombuffer(self._own or buffer.memory, np.uint8).reshape(-1, stride)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        del self.array
        if self._own is not None:
            self._own.close()
