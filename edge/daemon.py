"""The service: opens the parts, runs the loop until the source ends or it is told to stop."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TypeAlias

from edge import diary, temperature
from edge.alarm import Alarm
from edge.camera import open_frames
from edge.classifier import Classifier
from edge.config import BLIND, AlertRule, Config, expanded, resolve
from edge.faces import Finder
from edge.governor import Governor
from edge.journal import Journal
from edge.mood import Mood
from edge.records import Alert, Frame, Reading
from edge.stats import Stats
from edge.status import Status
from edge.stopwatch import Stopwatch
from edge.systemd import Notifier

Tell: TypeAlias = Callable[[float, Iterable[Alert], Alarm, Status], None]
Listener: TypeAlias = Callable[[Iterable[Reading]], None]

MODELS = Path(__file__).parent / "models"
#: How often the board's heat is felt.
FEEL_S = 10.0
log = logging.getLogger(__name__)


def run(
    frames: Iterable[Frame],
    *,
    finder: Finder,
    mood: Mood,
    journal: Journal,
    alarm: Alarm,
    tell: Tell,
    notifier: Notifier,
    listener: Listener,
    watch: Stopwatch,
    status: Status,
) -> None:
    """The loop. Ends with `frames`; what it raises, a restart must mend.

    The watchdog is fed last: a camera that hangs must starve it. `finder` laps `watch` itself.
    """
    for frame in frames:
        watch.lap("capture")
        faces = finder.find(frame)
        readings = mood.read(frame, faces)
        watch.lap("classify")
        journal.write(frame.monotonic_s, readings)
        watch.lap("log")
        alerts = alarm.update(frame, readings)
        status.update(frame, faces, readings)
        tell(frame.monotonic_s, alerts, alarm, status)
        listener(readings)
        notifier.beat(frame.monotonic_s, str(status))
        watch.lap("publish")


def serve(
    config: Config,
    stop: threading.Event,
    notifier: Notifier,
    *,
    realtime: bool = False,
    loops: int = 1,
    listener: Listener = lambda _: None,
    heed: Callable[[Iterable[Frame]], Iterable[Frame]] = lambda frames: frames,
) -> None:
    """Opens every part as `config` says and runs the loop until its end, or until `stop` is set.

    `heed` may end the frames early. Raises `Problem` and its kinds (see `edge.errors`). On the way
    out the camera is freed, the diary brought to the disk, and the broker told that we are offline.
    """
    classifier, rules = read_model(config)
    with ExitStack() as parts:
        # The journal first: its lock keeps a second process from our face numbers.
        journal = parts.enter_context(Journal(config.log, config.log_directory, classifier.labels))
        alarm, tell = parts.enter_context(_alarm_and_broker(config, rules))
        watch = Stopwatch()
        finder = Finder(config.faces, diary.last_face(config.log_directory) + 1, watch.lap)
        status = Status(Stats(watch, lambda: finder.scan_every))

        def silent() -> None:
            status.silence()
            tell(time.monotonic(), (), alarm, status)

        frames = open_frames(
            config.camera,
            stop,
            realtime=realtime,
            loops=loops,
            rest=_governed(Governor(config.performance.cpu_budget), finder, stop),
            meanwhile=silent,
        )
        run(
            heed(parts.enter_context(closing(frames))),
            finder=finder,
            mood=Mood(config.mood, classifier.labels, classifier),
            journal=journal,
            alarm=alarm,
            tell=tell,
            notifier=notifier,
            listener=listener,
            watch=watch,
            status=status,
        )


def _governed(governor: Governor, finder: Finder, stop: threading.Event) -> Callable[[], float]:
    """The rest between two frames: as long as `governor` wants, unless `stop` is set."""
    feel_at_s = -math.inf

    def rest() -> float:
        nonlocal feel_at_s
        now_s = time.monotonic()
        if now_s >= feel_at_s:
            feel_at_s = now_s + FEEL_S
            governor.feel(temperature.read())
        loop_s = time.thread_time()
        others_s = time.process_time() - loop_s
        wait_s = governor.wait_s(loop_s, others_s, now_s, idle=finder.idle)
        finder.scan_every = governor.scan_every
        if wait_s > 0:
            stop.wait(wait_s)
        return wait_s

    return rest


def read_model(config: Config) -> tuple[Classifier, list[AlertRule]]:
    """The model, and the alerts' rules for what it knows. Raises `ConfigError`."""
    classifier = Classifier(model_path(config.model.path))
    return classifier, [resolve(rule, classifier.labels) for rule in config.alerts]


def model_path(configured: str) -> Path:
    """The file of a shipped model's name, or the path itself."""
    if configured in {"default", "tiny"}:
        return MODELS / f"{configured}.tflite"
    return expanded(configured)


@contextmanager
def _alarm_and_broker(config: Config, rules: list[AlertRule]) -> Iterator[tuple[Alarm, Tell]]:
    """The alarm and what tells of it; without a broker, alerts go to the log alone."""
    blind_after_s = config.faces.blind_after_h * 3600
    if not config.mqtt.host:
        yield Alarm(rules, blind_after_s=blind_after_s), _log_only
        return
    # Here, not above: without a broker nobody needs SQLite and the MQTT client.
    from edge.broker import Broker  # noqa: PLC0415
    from edge.outbox import Outbox  # noqa: PLC0415

    with (
        Outbox(config.state_directory) as outbox,
        Broker(config.mqtt, config.device_name, outbox) as broker,
    ):

        def tell(now_s: float, alerts: Iterable[Alert], alarm: Alarm, status: Status) -> None:
            _log_only(now_s, alerts, alarm, status)
            broker.tell(now_s, alerts, alarm, status)

        yield Alarm(rules, outbox.left_over, blind_after_s=blind_after_s), tell


def _log_only(_now_s: float, alerts: Iterable[Alert], _alarm: Alarm, _status: Status) -> None:
    for alert in alerts:
        if alert.name == BLIND and not alert.emotions:
            log.warning("alert 'blind' %s: no face for %g s", alert.event_type, alert.window_s)
            continue
        who = "" if alert.face is None else f" for face {alert.face}"
        log.warning(
            "alert '%s' %s%s: %d negative readings in %g s",
            alert.name,
            alert.event_type,
            who,
            alert.count,
            alert.window_s,
        )
