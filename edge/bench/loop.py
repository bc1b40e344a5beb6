"""The real loop, measured: what every frame costs in CPU time, and which faces it reports."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from edge.alarm import Alarm
from edge.broker import STATE_S, Broker
from edge.config import AlertRule, Config
from edge.daemon import Tell, read_model, run
from edge.faces import Finder
from edge.journal import Journal
from edge.mood import Mood
from edge.outbox import Outbox
from edge.records import Alert, ByteArray, Face, Frame
from edge.status import Status
from edge.stopwatch import STAGES, Stopwatch
from edge.systemd import Notifier

T = TypeVar("T")
Numbers: TypeAlias = npt.NDArray[np.float64]
#: The name at the broker, where there is one: a running fer-edge must not be disturbed.
DEVICE = "bench"


@dataclass(frozen=True)
class Pass:
    """One run of the loop, frame by frame."""

    stages_s: list[tuple[float, ...]] = field(default_factory=list)
    """CPU seconds of each of `STAGES`."""
    faces: list[tuple[Face, ...]] = field(default_factory=list)
    """The faces reported."""

    @property
    def stages_ms(self) -> Numbers:
        """`(frames, len(STAGES))`."""
        return np.array(self.stages_s, np.float64).reshape(-1, len(STAGES)) * 1000

    @property
    def cpu_ms(self) -> Numbers:
        """What each frame costs, `(frames,)`; without capture, as the source decides that."""
        return np.asarray(self.stages_ms[:, 1:].sum(axis=1), np.float64)


def measure(
    config: Config,
    frames: Iterable[Frame],
    folder: Path,
    beside: Callable[[Frame], object] = lambda _: None,
) -> Pass:
    """Runs the loop over `frames`, diary and outbox in `folder`.

    `beside` gets every frame once the loop is done with it, and is not part of the measurement.
    """
    classifier, rules = read_model(config)
    watch, made = Stopwatch(), Pass()
    with ExitStack() as parts:
        journal = parts.enter_context(Journal(config.log, folder / "log", classifier.labels))
        alarm, tell = parts.enter_context(_alarm_and_tell(config, rules, folder / "state"))
        run(
            _timed(frames, watch, made, beside),
            finder=_Seen(config, watch, made),
            mood=Mood(config.mood, classifier.labels, classifier),
            journal=journal,
            alarm=alarm,
            tell=tell,
            notifier=Notifier(""),
            listener=lambda _: None,
            watch=watch,
            status=Status(),
        )
    return made


class _Seen(Finder):
    """Notes what it finds."""

    def __init__(self, config: Config, watch: Stopwatch, made: Pass) -> None:
        super().__init__(config.faces, lap=watch.lap)
        self._made = made

    def find(self, frame: Frame) -> tuple[Face, ...]:
        faces = super().find(frame)
        self._made.faces.append(faces)
        return faces


def _timed(
    frames: Iterable[Frame], watch: Stopwatch, made: Pass, beside: Callable[[Frame], object]
) -> Iterator[Frame]:
    before = tuple(watch.totals_s.values())
    watch.skip()
    for frame in frames:
        yield frame
        after = tuple(watch.totals_s.values())
        made.stages_s.append(tuple(b - a for a, b in zip(before, after, strict=True)))
        beside(frame)
        before = after
        watch.skip()


@contextmanager
def _alarm_and_tell(
    config: Config, rules: list[AlertRule], folder: Path
) -> Iterator[tuple[Alarm, Tell]]:
    """With a configured broker as the daemon has them; else messages end here, alerts on disk."""
    with Outbox(folder) as outbox:
        if config.mqtt.host:
            with Broker(config.mqtt, DEVICE, outbox) as broker:
                yield Alarm(rules), broker.tell
            return

        state_at_s = -math.inf

        def tell(now_s: float, alerts: Iterable[Alert], alarm: Alarm, status: Status) -> None:
            nonlocal state_at_s
            if now_s >= state_at_s:
                state_at_s = now_s + STATE_S
                json.dumps(status.state() | {"negative": alarm.negative()})
            for alert in alerts:
                outbox.add(alert)
                outbox.remove([alert.id])

        yield Alarm(rules), tell


class Timed(Generic[T]):
    """Calls `work` with pictures, and notes its answers and the CPU time of all our threads."""

    def __init__(self, work: Callable[[ByteArray], T]) -> None:
        self._work = work
        self.answers: list[T] = []
        self.ms: list[float] = []

    def __call__(self, picture: ByteArray) -> None:
        """Works, and notes."""
        start_s = time.process_time()
        self.answers.append(self._work(picture))
        self.ms.append(1000 * (time.process_time() - start_s))
