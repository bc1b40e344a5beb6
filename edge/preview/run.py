"""The service's own loop, without its diary and its messages, and with its pictures shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import TypeAlias

from edge.alerts.rules import Rules
from edge.camera.source import Frames, open_frames
from edge.config.alerts import resolve
from edge.config.pause import PauseFiles
from edge.config.schema import CameraConfig, Config
from edge.errors import CameraError, FerEdgeError
from edge.expressions.classifier import Classifier
from edge.expressions.smoothing import Smoother
from edge.preview.scene import ObservedDetector, Observer, Scene
from edge.records import Event, Frame, Reading
from edge.service.loop import run
from edge.service.status import Status
from edge.service.systemd import Notifier
from edge.service.watching import Conditions, watch
from edge.stage_timer import StageTimer

#: Gets every frame with what the loop has made of it; the frame is valid until it returns.
Show: TypeAlias = Callable[[Frame, Scene], None]
#: How long the service may take to free the camera: it looks twice a second, libcamera needs one.
_RELEASE_S = 6.0
_RETRY_S = 0.25
#: A file is played again and again: for longer than anybody looks.
_FOR_EVER = 10**9


class _NoDiary:
    """Nothing is stored."""

    def watched(self, _frame: Frame, /) -> None:
        """Do nothing."""

    def write(self, _now_s: float, _entries: Iterable[Reading | Event], /) -> None:
        """Forget the entries."""


@contextmanager
def paused(files: PauseFiles) -> Iterator[float]:
    """Pause the service while this lasts; yield how long that may take, in seconds."""
    try:
        with files.previewing() as needed:
            yield _RELEASE_S if needed else 0.0
    except BlockingIOError as error:
        raise FerEdgeError("another fer-edge preview is running; end that first") from error
    except PermissionError as error:
        raise FerEdgeError(
            f"{error.filename}: cannot pause the service; try: sudo fer-edge preview"
        ) from error


def watch_scenes(
    config: Config,
    stop: threading.Event,
    show: Show,
    *,
    for_ever: bool,
    released_s: float = 0.0,
    on_silence: Callable[[], None] = lambda: None,
) -> None:
    """Call `show` with every frame, until the source ends or `stop` is set.

    `for_ever` plays a file at its own pace, again and again; else it is played once, as fast as it
    can be. For `released_s` seconds another program may still have the camera. `on_silence` is
    called while the camera gives no picture. Raises `FerEdgeError`.
    """
    classifier = Classifier(config.model.path)
    alerts = resolve(config.alerts, classifier.labels)
    observer = Observer(classifier.labels, alerts)
    timer, status = StageTimer(), Status()
    until_s = time.monotonic() + released_s
    detector = ObservedDetector(config.faces, lap=timer.lap)
    detector.observer = observer
    frames = watch(
        partial(_frames, config.camera, stop, until_s, _FOR_EVER if for_ever else 1),
        Conditions(stop),
        throttle=lambda: 0.0,  # as smooth as the camera
        on_silence=on_silence,
        on_pause=lambda *_: None,
    )
    with closing(frames):
        run(
            _shown(frames, observer, status, show),
            detector=detector,
            smoother=Smoother(config.mood, classifier.labels, classifier),
            diary=_NoDiary(),
            rules=Rules(alerts),
            tell=observer.tell,
            listener=observer.listen,
            notifier=Notifier(""),
            timer=timer,
            status=status,
        )


def _frames(camera: CameraConfig, stop: threading.Event, until_s: float, loops: int) -> Frames:
    """Yield the source's frames; until `until_s` others may still have the camera."""
    while not stop.is_set():
        with closing(open_frames(camera, realtime=loops > 1, loops=loops)) as frames:
            try:
                first = next(frames)
            except CameraError:
                if time.monotonic() >= until_s:
                    raise
            except StopIteration:
                return
            else:
                yield first
                yield from frames
                return
        stop.wait(_RETRY_S)


def _shown(
    frames: Iterable[Frame], observer: Observer, status: Status, show: Show
) -> Iterator[Frame]:
    for frame in frames:
        yield frame
        show(frame, observer.scene(frame, status.fps))
