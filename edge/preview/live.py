"""Scenes to browsers, and one scene to a file."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import cv2

from edge.config.pause import PauseFiles
from edge.config.schema import Config
from edge.errors import CameraError, FerEdgeError, UsageError
from edge.preview.latest import Latest
from edge.preview.overlay import draw
from edge.preview.run import paused, watch_scenes
from edge.preview.scene import Scene
from edge.preview.server import Server, serving
from edge.records import Frame
from edge.redact import redacted

#: Of 100; a 640x480 picture has some 40 kB.
_QUALITY = 80
#: What a camera needs for its exposure, and a face to be read, before a snapshot.
_SETTLE_S = 3.0
_SUFFIXES = (".jpg", ".jpeg", ".png")
_SILENT = "the camera gives no picture: check its cable"


def live(
    config: Config,
    files: PauseFiles,
    stop: threading.Event,
    address: tuple[str, int],
    announce: Callable[[Server], None],
) -> None:
    """Serve the picture until `stop`; `announce` is called when it can be opened."""
    latest = Latest()

    def show(frame: Frame, scene: Scene) -> None:
        latest.status = as_json(scene)
        if latest.watched:
            _, jpeg = cv2.imencode(
                ".jpg", draw(frame.gray, scene), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
            )
            latest.put(jpeg.tobytes())

    def silent() -> None:
        latest.status = json.dumps({**json.loads(latest.status), "advice": [_SILENT]}).encode()

    with serving(*address, latest) as server, paused(files) as released_s:
        announce(server)
        watch_scenes(config, stop, show, for_ever=True, released_s=released_s, on_silence=silent)


def as_json(scene: Scene) -> bytes:
    """Return what the page shows as text."""
    width, height = scene.size
    return json.dumps(
        {
            "width": width,
            "height": height,
            "fps": round(scene.fps, 1),
            "faces": [
                {
                    "number": face.number,
                    "box": face.box,
                    "emotion": face.emotion,
                    "probabilities": [(name, round(p, 4)) for name, p in face.probabilities],
                    "notes": face.notes,
                }
                for face in scene.faces
            ],
            "alerts": [{**alert._asdict(), "text": str(alert)} for alert in scene.alerts],
            "advice": [str(advice) for advice in scene.advice],
        }
    ).encode()


def snapshot(config: Config, files: PauseFiles, stop: threading.Event, path: Path) -> Scene | None:
    """Store one picture with its scene, and return that; None if stopped before.

    That is the picture after three seconds, or the last one of a file that ends before. Raises
    `FerEdgeError`, also where there is a file at `path`.
    """
    _refuse(path)
    began_s: float | None = None
    kept: tuple[bytes, Scene] | None = None
    enough = threading.Event()

    def show(frame: Frame, scene: Scene) -> None:
        nonlocal began_s, kept
        if enough.is_set():
            return
        began_s = frame.source_s if began_s is None else began_s
        _, data = cv2.imencode(path.suffix.lower(), draw(frame.gray, scene))
        kept = data.tobytes(), scene
        if frame.source_s - began_s >= _SETTLE_S:
            enough.set()
            stop.set()

    with paused(files) as released_s:
        watch_scenes(config, stop, show, for_ever=False, released_s=released_s)
    if stop.is_set() and not enough.is_set():
        return None
    if kept is None:
        raise CameraError(f"{redacted(config.camera.source)}: no picture")
    _store(path, kept[0])
    return kept[1]


def _refuse(path: Path) -> None:
    if path.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"--snapshot: {path}: must end in {', '.join(_SUFFIXES)}")
    if os.path.lexists(path):
        raise UsageError(f"--snapshot: {path}: already exists; name another file")


def _store(path: Path, data: bytes) -> None:
    """Write a file that only whoever has asked for it can read, with sudo or without."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                if (asked := os.environ.get("SUDO_UID", "")).isdecimal():
                    os.fchown(file.fileno(), int(asked), -1)
        except OSError:
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise FerEdgeError(f"--snapshot: {path}: {error.strerror}") from error
