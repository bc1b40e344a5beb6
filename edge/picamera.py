"""The Raspberry Pi's own camera, through picamera2 and libcamera."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Generator
from typing import Any

from edge.config import Camera
from edge.errors import CameraError, first_line
from edge.records import ByteArray

#: Formats whose first plane is luma, row by row.
_LUMA_FIRST = {"YUV420", "YVU420", "NV12", "NV21"}
_CLOSE_S = 2.0


def present() -> bool:
    """Whether picamera2 is installed and libcamera sees a camera."""
    if importlib.util.find_spec("picamera2") is None:
        return False
    try:
        from picamera2 import Picamera2  # noqa: PLC0415
    except ImportError:  # libcamera's own parts are missing, or were built for another Python
        return False
    return bool(Picamera2.global_camera_info())


def luma(
    camera: Camera, stop: threading.Event, stalled_s: float
) -> Generator[ByteArray, None, None]:
    """The Y plane, uint8 `(height, width)`, of the lores stream, without a copy.

    The array is a view of the camera's buffer, which goes back to the camera when the next one is
    asked for. Raises `CameraError` where there is no camera, it is busy, or it gives no picture for
    `stalled_s` seconds (libcamera itself only logs that).
    """
    device = _open(camera)
    try:
        width, height = _start(device, camera)
        while not stop.is_set():
            request = _request(device, stop, stalled_s)
            if request is None:
                return
            yield from _plane(request, width, height)
    finally:
        _close(device)


def _open(camera: Camera) -> Any:
    try:
        from picamera2 import Picamera2  # noqa: PLC0415

        return Picamera2(camera.index)
    except ImportError as error:
        raise CameraError(
            "picamera2 is not installed here: apt install python3-picamera2, and make the"
            f" environment with --system-site-packages ({first_line(error)})"
        ) from error
    except IndexError as error:
        raise CameraError(_absent(camera, error)) from error
    except RuntimeError as error:
        if "did not complete" in str(error):
            raise CameraError("the Pi camera is busy: another program is using it") from error
        raise CameraError(_absent(camera, error)) from error


def _absent(camera: Camera, error: Exception) -> str:
    return (
        f"no Pi camera {camera.index} found: check its cable and camera.index ({first_line(error)})"
    )


def _start(device: Any, camera: Camera) -> tuple[int, int]:
    """Width and height of the stream, which may differ from what was asked for."""
    size = (camera.width, camera.height)
    device.configure(
        device.create_video_configuration(
            main={"size": size, "format": "YUV420"},
            lores={"size": size, "format": "YUV420"},
            controls={"FrameRate": camera.fps},
            buffer_count=4,
        )
    )
    lores = device.camera_configuration()["lores"]
    if lores["format"] not in _LUMA_FIRST:
        raise CameraError(f"the Pi camera gives {lores['format']}, which has no luma plane")
    device.start()
    width, height = lores["size"]
    return width, height


def _request(device: Any, stop: threading.Event, stalled_s: float) -> Any:
    """The next picture, None when told to stop."""
    until = time.monotonic() + stalled_s
    while not stop.is_set():
        try:
            return device.capture_request(wait=0.5)
        except TimeoutError as error:
            if time.monotonic() > until:
                raise CameraError(
                    f"the Pi camera gave no picture for {stalled_s:.0f} s; check its cable"
                ) from error
    return None


def _plane(request: Any, width: int, height: int) -> Generator[ByteArray, None, None]:
    from picamera2 import MappedArray  # noqa: PLC0415

    try:
        with MappedArray(request, "lores", write=False) as mapped:
            # Rows may be padded, and the chroma planes follow below.
            yield mapped.array[:height, :width]
    finally:
        request.release()


def _close(device: Any) -> None:
    """Stops the camera, but waits only so long: after a stall the driver may never answer."""

    def close() -> None:
        device.cancel_all_and_flush()  # else stop() waits for ever after a timed-out capture
        device.stop()
        device.close()

    closing = threading.Thread(target=close, name="close camera", daemon=True)
    closing.start()
    closing.join(_CLOSE_S)
