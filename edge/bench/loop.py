"""The real loop, measured: what every frame costs in CPU time, and which faces it reports."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from edge.alerts.rules import Rules
from edge.config.alerts import resolve
from edge.config.schema import Config
from edge.diary.writer import DiaryWriter
from edge.expressions.classifier import Classifier
from edge.expressions.smoothing import Smoother
from edge.faces.detector import Detector
from edge.messaging.desired import DesiredTopics
from edge.messaging.outbox import Outbox
from edge.messaging.publisher import Publisher
from edge.records import Alert, ByteArray, Face, Frame, Snapshot
from edge.service.alerting import Tell
from edge.service.loop import run
from edge.service.status import Status
from edge.service.systemd import Notifier
from edge.stage_timer import STAGES, StageTimer

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
        """What each frame costs, `(frames,)`, without capture.

        The source decides that.
        """
        return np.asarray(self.stages_ms[:, 1:].sum(axis=1), np.float64)


def measure(
    config: Config,
    frames: Iterable[Frame],
    folder: Path,
    beside: Callable[[Frame], object] = lambda _: None,
) -> Pass:
    """Run the loop over `frames`, diary and outbox in `folder`.

    `beside` gets every frame once the loop is done with it, and is not part of the measurement.
    """
    classifier = Classifier(config.model.path)
    timer, made = StageTimer(), Pass()
    with ExitStack() as parts:
        diary = parts.enter_context(DiaryWriter(config.diary, folder / "log", classifier.labels))
        rules = Rules(resolve(config.alerts, classifier.labels))
        tell = parts.enter_context(_tell(config, rules, folder / "state"))
        run(
            _timed(frames, timer, made, beside),
            detector=_Seen(config, timer, made),
            smoother=Smoother(config.mood, classifier.labels, classifier),
            diary=diary,
            rules=rules,
            tell=tell,
            notifier=Notifier(""),
            listener=lambda _: None,
            timer=timer,
            status=Status(),
        )
    return made


class _Seen(Detector):
    """Records what it finds."""

    def __init__(self, config: Config, timer: StageTimer, made: Pass) -> None:
        super().__init__(config.faces, lap=timer.lap)
        self._made = made

    def find(self, frame: Frame) -> tuple[Face, ...]:
        faces = super().find(frame)
        self._made.faces.append(faces)
        return faces


def _timed(
    frames: Iterable[Frame], timer: StageTimer, made: Pass, beside: Callable[[Frame], object]
) -> Iterator[Frame]:
    before = tuple(timer.totals_s.values())
    timer.skip()
    for frame in frames:
        yield frame
        after = tuple(timer.totals_s.values())
        made.stages_s.append(tuple(b - a for a, b in zip(before, after, strict=True)))
        beside(frame)
        before = after
        timer.skip()


@contextmanager
def _tell(config: Config, rules: Rules, folder: Path) -> Iterator[Tell]:
    """Publish to a configured broker as the service does; else only store alerts."""
    with Outbox(folder) as outbox:
        if config.mqtt.host:
            with Publisher(config.mqtt, DEVICE, outbox, rules.state) as publisher:
                yield publisher.tell
            return

        desired = DesiredTopics(DEVICE)

        def tell(snapshot: Snapshot, alerts: Iterable[Alert]) -> None:
            desired.update(snapshot)
            for alert in alerts:
                outbox.add(alert)
                outbox.remove([alert.id])

        yield tell


class Timed(Generic[T]):
    """Calls `work` with pictures, and records its answers and the CPU time of all our threads."""

    def __init__(self, work: Callable[[ByteArray], T]) -> None:
        self._work = work
        self.answers: list[T] = []
        self.ms: list[float] = []

    def __call__(self, picture: ByteArray) -> None:
        """Run `work` and record its time."""
        start_s = time.process_time()
        self.answers.append(self._work(picture))
        self.ms.append(1000 * (time.process_time() - start_s))
