"""The Raspberry Pi's camera connector, through picamera2 (0.3.22 or later) and libcamera."""

from __future__ import annotations

import atexit
import faulthandler
import importlib.util
import logging
import threading
from collections.abc import Generator
from contextlib import suppress
from typing import Any

from edge.camera.picture import NoPicture, Picture, Pictures
from edge.config.schema import CameraConfig
from edge.errors import CameraError, first_line

#: Formats whose first plane is luma, row by row.
_LUMA_FIRST = {"YUV420", "YVU420", "NV12", "NV21"}
_BUFFERS = 4
_POLL_S = 0.5
_CLOSE_S = 2.0
log = logging.getLogger(__name__)


def present() -> bool:
    """Return whether picamera2 and libcamera see a camera other than USB ones.

    It lists those too, but cannot give a second stream of them, and often no luma: V4L2 can.
    """
    try:
        cameras = library().Picamera2.global_camera_info()
    except (CameraError, RuntimeError) as error:
        if importlib.util.find_spec("picamera2") is not None:  # installed, but unusable
            log.warning("%s", error)
        return False
    return any("/usb" not in camera.get("Id", "") for camera in cameras)


def pictures(camera: CameraConfig) -> Pictures:
    """Yield the Y plane of the lores stream without a copy; `NoPicture` while none.

    The array is a view of the camera's buffer, which goes back to the camera when the next one is
    asked for. Raises `CameraError` where there is no camera or it is busy.
    """
    module = library()
    device = _open(module, camera)
    try:
        width, height = _start(device, camera)
        last = None
        while True:
            request = yield from _request(device)
            number = request.request.sequence  # libcamera counts what the camera gave
            skipped = 0 if last is None else max(0, number - last - 1)
            last = number
            yield from _plane(module, request, (width, height), skipped)
    finally:
        _close(device)


def library() -> Any:
    """Import picamera2. Raises `CameraError` where it is missing or unusable."""
    try:
        import picamera2  # noqa: PLC0415
    except ImportError as error:
        raise CameraError(
            "picamera2 is not installed here: apt install python3-picamera2, and make the"
            f" environment with --system-site-packages ({first_line(error)})"
        ) from error
    except ValueError as error:  # compiled against another numpy
        raise CameraError(
            f"picamera2 does not work with this environment's numpy ({first_line(error)});"
            " on Raspberry Pi OS 12 it needs numpy below 2"
        ) from error
    logging.getLogger("picamera2").setLevel(logging.WARNING)  # it logs every step
    return picamera2


def _open(library: Any, camera: CameraConfig) -> Any:
    try:
        return library.Picamera2(camera.index)
    except (IndexError, RuntimeError) as error:  # IndexError: older releases
        why = first_line(error.__cause__ or error)
        if isinstance(error, IndexError) or "No camera number" in why:
            raise CameraError(
                f"no Pi camera {camera.index} found: check its cable and camera.index ({why})"
            ) from error
        # "Camera __init__ sequence did not complete" says nothing; the cause below it does.
        if "busy" in why or "did not complete" in why:
            raise CameraError(
                f"the Pi camera is busy: another program is using it ({why})"
            ) from error
        raise CameraError(f"the Pi camera cannot be opened: {why}") from error


def _start(device: Any, camera: CameraConfig) -> tuple[int, int]:
    """Start the stream; return its width and height.

    They may differ from the configured ones.
    """
    stream = {"size": (camera.width, camera.height), "format": "YUV420"}
    try:
        # A preview's luma is 0..255 like that of the pictures a model learned from, a video's
        # 16..235.
        configuration = device.create_preview_configuration(
            main=stream,
            lores=stream,
            controls={"FrameRate": camera.fps},
            buffer_count=_BUFFERS,
        )
        device.configure(configuration)
        lores = device.camera_configuration()["lores"]
        if lores["format"] not in _LUMA_FIRST:
            raise CameraError(f"the Pi camera gives {lores['format']}, which has no luma plane")
        device.start()
    except RuntimeError as error:
        raise CameraError(f"the Pi camera does not start: {first_line(error)}") from error
    width, height = lores["size"]
    return width, height


def _request(device: Any) -> Generator[NoPicture, None, Any]:
    """Return the next picture's request; yield while it is awaited."""
    # One job, however long it takes: an abandoned capture stays in the queue, and the buffer that
    # it gets in the end would never come back.
    job = device.capture_request(wait=False)
    while True:
        try:
            return job.get_result(timeout=_POLL_S)
        except TimeoutError:
            yield NoPicture(_POLL_S, "check its cable")


def _plane(library: Any, request: Any, size: tuple[int, int], skipped: int) -> Pictures:
    width, height = size
    try:
        # An allocator that maps each picture again cannot unmap one that is still referenced; then
        # the last array to go does it.
        with suppress(BufferError), library.MappedArray(request, "lores", write=False) as mapped:
            # Rows may be padded, and the chroma planes follow below.
            yield Picture(mapped.array[:height, :width], skipped)
    finally:
        request.release()


def _close(device: Any) -> None:
    """Free the camera, waiting `_CLOSE_S` at most.

    After a stall the driver may never answer.
    """
    # Its allocator unmaps all pictures when it is destroyed, and complains while one is still
    # referenced; at the interpreter's exit none is.
    atexit.register(lambda _: None, getattr(device, "allocator", None))
    # libcamera holds the GIL while it stops: should it hang there, no thread of ours can time it.
    faulthandler.dump_traceback_later(_CLOSE_S + 1, exit=True, file=2)
    # stop() would wait behind a capture that never ends; close() ends captures first.
    closing = threading.Thread(target=device.close, name="close camera", daemon=True)
    closing.start()
    closing.join(_CLOSE_S)
    faulthandler.cancel_dump_traceback_later()
    if closing.is_alive():
        log.warning("the Pi camera does not answer any more; leaving it")
        atexit.unregister(device.close)  # picamera2's own, which would wait once more
