"""The Raspberry Pi's own camera, through picamera2 (0.3.22 or later) and libcamera."""

from __future__ import annotations

import atexit
import faulthandler
import importlib.util
import logging
import threading
from collections.abc import Generator
from contextlib import suppress
from typing import Any

from edge.config import Camera
from edge.errors import CameraError, first_line
from edge.patience import Patience
from edge.records import ByteArray

#: Formats whose first plane is luma, row by row.
_LUMA_FIRST = {"YUV420", "YVU420", "NV12", "NV21"}
_BUFFERS = 4
_GLANCE_S = 0.5
_CLOSE_S = 2.0
log = logging.getLogger(__name__)


def present() -> bool:
    """Whether picamera2 is installed and libcamera sees a camera that is no USB one.

    It lists those too, but can give no second stream, and often no luma, of them: they are V4L2's.
    """
    try:
        cameras = library().Picamera2.global_camera_info()
    except (CameraError, RuntimeError) as error:
        if importlib.util.find_spec("picamera2") is not None:  # there, but of no use
            log.warning("%s", error)
        return False
    return any("/usb" not in camera.get("Id", "") for camera in cameras)


def luma(
    camera: Camera, stop: threading.Event, patience: Patience
) -> Generator[ByteArray, None, None]:
    """The Y plane, uint8 `(height, width)`, of the lores stream, without a copy.

    The array is a view of the camera's buffer, which goes back to the camera when the next one is
    asked for. Raises `CameraError` where there is no camera, it is busy, or `patience` with it is
    over (libcamera itself only logs that).
    """
    module = library()
    device = _open(module, camera)
    try:
        width, height = _start(device, camera)
        last = None
        while not stop.is_set():
            request = _request(device, stop, patience)
            if request is None:
                return
            number = request.request.sequence  # libcamera counts what the camera gave
            patience.rewarded(0 if last is None else max(0, number - last - 1))
            last = number
            yield from _plane(module, request, width, height)
    finally:
        _close(device)


def library() -> Any:
    """The module picamera2. Raises `CameraError` where it is not installed, or of no use."""
    try:
        import picamera2  # noqa: PLC0415
    except ImportError as error:
        raise CameraError(
            "picamera2 is not installed here: apt install python3-picamera2, and make the"
            f" environment with --system-site-packages ({first_line(error)})"
        ) from error
    except ValueError as error:  # what its compiled parts say to a numpy they were not made for
        raise CameraError(
            f"picamera2 does not work with this environment's numpy ({first_line(error)});"
            " on Raspberry Pi OS 12 it needs numpy below 2"
        ) from error
    logging.getLogger("picamera2").setLevel(logging.WARNING)  # it tells of each step
    return picamera2


def _open(library: Any, camera: Camera) -> Any:
    try:
        return library.Picamera2(camera.index)
    except (IndexError, RuntimeError) as error:  # IndexError: how older ones say "No camera number"
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


def _start(device: Any, camera: Camera) -> tuple[int, int]:
    """Width and height of the stream, which may differ from what was asked for."""
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


def _request(device: Any, stop: threading.Event, patience: Patience) -> Any:
    """The next picture, None when told to stop."""
    job: Any = None
    while not stop.is_set():
        try:
            # One job, however long it takes: a capture that was given up stays in the queue, and
            # the buffer it gets there in the end would never come back.
            job = job or device.capture_request(wait=False)
            return job.get_result(timeout=_GLANCE_S)
        except TimeoutError:
            patience.waited(_GLANCE_S, "check its cable")
    return None


def _plane(library: Any, request: Any, width: int, height: int) -> Generator[ByteArray, None, None]:
    try:
        # An allocator that maps each picture anew cannot unmap one that somebody still holds; then
        # the last array to go does it.
        with suppress(BufferError), library.MappedArray(request, "lores", write=False) as mapped:
            # Rows may be padded, and the chroma planes follow below.
            yield mapped.array[:height, :width]
    finally:
        request.release()


def _close(device: Any) -> None:
    """Frees the camera, but waits only so long: after a stall the driver may never answer."""
    # Its allocator unmaps all pictures when it goes, and complains when somebody still looks at the
    # last one; at the interpreter's end nobody does.
    atexit.register(lambda _: None, getattr(device, "allocator", None))
    # libcamera keeps the interpreter to itself while it stops: should it hang there, no thread of
    # ours can keep the time.
    faulthandler.dump_traceback_later(_CLOSE_S + 1, exit=True, file=2)
    # stop() alone would wait behind a capture that never ends; close() ends captures first.
    closing = threading.Thread(target=device.close, name="close camera", daemon=True)
    closing.start()
    closing.join(_CLOSE_S)
    faulthandler.cancel_dump_traceback_later()
    if closing.is_alive():
        log.warning("the Pi camera does not answer any more; leaving it")
        atexit.unregister(device.close)  # picamera2's own, which would wait once more
