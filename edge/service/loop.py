"""The service: open the parts, run the loop until the source ends or a stop is requested."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from typing import Protocol, TypeAlias

from edge.alerts.rules import Rules
from edge.camera.source import is_file, open_frames
from edge.config.schema import Config
from edge.diary.schema import model_note
from edge.diary.writer import DiaryWriter
from edge.expressions.classifier import Classifier
from edge.expressions.smoothing import Smoother
from edge.faces.detector import Detector
from edge.records import Event, Frame, Reading, diary_events
from edge.redact import redacted
from edge.service.alerting import Carried, Tell, open_alerts
from edge.service.governor import Governor
from edge.service.idle import Idle
from edge.service.metrics import Metrics
from edge.service.status import Status
from edge.service.status_file import StatusFile
from edge.service.systemd import Notifier
from edge.service.watching import Conditions, throttle_by, watch
from edge.stage_timer import StageTimer
from edge.tflite import card_digest

Listener: TypeAlias = Callable[[Iterable[Reading]], None]
log = logging.getLogger(__name__)


class Diary(Protocol):
    """Takes down what was seen; see `DiaryWriter`."""

    def watched(self, frame: Frame, /) -> None:
        """Count the time since the picture before `frame`."""

    def write(self, now_s: float, entries: Iterable[Reading | Event], /) -> None:
        """Append one row per entry."""


def run(
    frames: Iterable[Frame],
    *,
    detector: Detector,
    smoother: Smoother,
    diary: Diary,
    rules: Rules,
    tell: Tell,
    listener: Listener,
    notifier: Notifier,
    timer: StageTimer,
    status: Status,
) -> int:
    """Run until `frames` ends, and return the number of readings.

    Exceptions are fatal and left to systemd.

    The watchdog is fed last: a camera that hangs must starve it. `detector` laps `timer` itself.
    """
    count = 0
    for frame in frames:
        timer.lap("capture")
        faces = detector.find(frame)
        readings = smoother.read(frame, faces)
        timer.lap("classify")
        alerts = rules.update(frame, readings)
        events = diary_events(alerts, clock_ok=frame.clock_ok)
        diary.watched(frame)
        diary.write(frame.monotonic_s, (*readings, *events))
        timer.lap("log")
        snapshot = status.update(frame, faces, readings, rules)
        tell(snapshot, alerts)
        listener(readings)
        notifier.beat(frame.monotonic_s, str(status))
        timer.lap("publish")
        count += len(readings)
    return count


def serve(
    config: Config,
    conditions: Conditions,
    notifier: Notifier,
    *,
    realtime: bool = False,
    loops: int = 1,
    listener: Listener = lambda _: None,
    carried: Carried | None = None,
) -> int:
    """Open every part, run the loop until its end, return the number of readings.

    Raises `FerEdgeError`; on the way out frees the camera, flushes the diary, says `offline`.
    """
    classifier = Classifier(config.model.path)
    labels = classifier.labels
    with ExitStack() as parts:
        # The diary first: its lock keeps a second process from our face numbers.
        model = model_note(card_digest(config.model.path), config.mood.reading_interval_s)
        diary = DiaryWriter(config.diary, config.diary.directory, labels, model)
        parts.enter_context(diary)
        status_file = parts.enter_context(closing(StatusFile(config)))
        alerting = open_alerts(config, labels, conditions, diary, status_file, carried)
        rules, report = parts.enter_context(alerting)
        tell = status_file.after(report)
        timer = StageTimer()
        detector = Detector(config.faces, diary.last_face + 1, timer.lap)
        status = Status(Metrics(timer, lambda: detector.scan_every))
        idle = Idle(diary, rules, tell, status, notifier, detector.forget)
        frames = _frames(config, conditions, detector, idle, realtime=realtime, loops=loops)
        _collect_again()
        count = run(
            _announced(parts.enter_context(closing(frames)), config),
            detector=detector,
            smoother=Smoother(config.mood, labels, classifier),
            diary=diary,
            rules=rules,
            tell=tell,
            listener=listener,
            notifier=notifier,
            timer=timer,
            status=status,
        )
        _tell_end(conditions, notifier)
    return count


def _collect_again() -> None:
    """Look for garbage again, in what is made from now on (see `edge.cli.run`)."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _tell_end(conditions: Conditions, notifier: Notifier) -> None:
    """Tell systemd, unless this process goes on with another program."""
    if not conditions.afresh.is_set():
        notifier.stopping()


def _frames(
    config: Config,
    conditions: Conditions,
    detector: Detector,
    idle: Idle,
    *,
    realtime: bool,
    loops: int,
) -> Generator[Frame, None, None]:
    """Return what `watch` yields of the source; a file continues after a pause."""
    from_file = is_file(config.camera.source)
    opening = partial(open_frames, config.camera, realtime=realtime, loops=loops)
    return watch(
        partial(opening, paused_s=conditions.pauses.total_s),
        conditions,
        throttle=_throttle(config, detector, realtime=realtime),
        on_opening=idle.opening,
        on_silence=idle.silent,
        on_pause=partial(idle.paused, media_clock=from_file and not realtime),
        keep_open=from_file,
    )


def _throttle(config: Config, detector: Detector, *, realtime: bool) -> Callable[[], float]:
    """Return the rest after each frame; a file without a pace to keep has none."""
    if is_file(config.camera.source) and not realtime:
        return lambda: 0.0
    return throttle_by(Governor(config.performance.cpu_budget), detector)


def _announced(frames: Iterator[Frame], config: Config) -> Iterator[Frame]:
    """Yield `frames`; say with the first one what is watched and where the diary is."""
    for frame in frames:
        height, width = frame.gray.shape
        source, diary = redacted(config.camera.source), config.diary.directory
        log.info("watching %s, %dx%d; diary: %s", source, width, height, diary)
        yield frame
        break
    yield from frames
