"""A board without a clock battery: the wall clock jumps by weeks under the real loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.alerts.rules import Rules
from edge.config.alerts import AlertConfig, resolve
from edge.config.paths import model_path
from edge.config.schema import DiaryConfig, FacesConfig, MoodConfig
from edge.diary import layout, reader, retention, schema
from edge.diary.writer import DiaryWriter
from edge.expressions.classifier import Classifier
from edge.expressions.smoothing import Smoother
from edge.faces.detector import Detector
from edge.records import Alert, Frame, Snapshot
from edge.service.loop import run
from edge.service.status import Status
from edge.service.systemd import Notifier
from edge.stage_timer import StageTimer
from tests.support.service import CLIP

FPS, LENGTH_S, SET_S = 4.0, 100.0, 30.0
TRUE = datetime(2026, 10, 25, 0, 59, tzinfo=UTC)
SUMMER, WINTER = timezone(timedelta(hours=2)), timezone(timedelta(hours=1))
WEEKS = timedelta(weeks=3)

Wall = Callable[[float], datetime]
WALLS: dict[str, Wall] = {
    "steady": lambda s: (TRUE + timedelta(seconds=s)).astimezone(WINTER),
    "set-forward": lambda s: (
        TRUE + timedelta(seconds=s) - (WEEKS if s < SET_S else timedelta())
    ).astimezone(WINTER),
    "set-back": lambda s: (
        TRUE + timedelta(seconds=s) + (WEEKS if s < SET_S else timedelta())
    ).astimezone(WINTER),
    "to-and-fro": lambda s: (
        TRUE + timedelta(seconds=s) + (WEEKS if int(s) % 2 else -WEEKS)
    ).astimezone(WINTER),
    # The hour from two to three comes twice on this day; the offset tells which it is.
    "end-of-summer-time": lambda s: (TRUE + timedelta(seconds=s)).astimezone(
        SUMMER if s < 60 else WINTER
    ),
    # A second that is repeated, as a kernel that is told of a leap second may do.
    "leap-second": lambda s: (TRUE + timedelta(seconds=s - (s >= SET_S))).astimezone(WINTER),
}


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(model_path("default"))


def frames(wall: Wall) -> Iterator[Frame]:
    """A face for twenty seconds, nobody for twenty, and so on."""
    cv2.setNumThreads(1)  # as for every source: the order of what several threads find is chance
    capture = cv2.VideoCapture(str(CLIP))
    face = np.asarray(cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2GRAY), np.uint8)
    capture.release()
    nobody = np.full_like(face, 90)
    for at in range(int(LENGTH_S * FPS)):
        second = at / FPS
        gray = nobody if int(second / 20) % 2 else face
        yield Frame(gray, wall(second), second, second, clock_ok=second >= SET_S)


def played(
    wall: Wall, folder: Path, classifier: Classifier
) -> tuple[list[tuple[float, str]], list[schema.Row]]:
    """When which alert came, and the diary, under this wall clock."""
    told: list[tuple[float, str]] = []

    def tell(snapshot: Snapshot, alerts: Iterable[Alert]) -> None:
        told.extend((snapshot.monotonic_s, alert.event_type.value) for alert in alerts)

    rule = AlertConfig("any", classifier.labels, 8, 15.0, 2, 0.0, cooldown_s=5.0)
    watch = StageTimer()
    with DiaryWriter(DiaryConfig(keep_days=36500), folder, classifier.labels) as journal:
        run(
            frames(wall),
            detector=Detector(FacesConfig(), 1, watch.lap),
            smoother=Smoother(MoodConfig(), classifier.labels, classifier),
            diary=journal,
            rules=Rules(resolve([rule], classifier.labels)),
            tell=tell,
            notifier=Notifier(""),
            listener=lambda _: None,
            timer=watch,
            status=Status(),
        )
    return told, list(reader.between(layout.files(folder)))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in WALLS if name != "steady"])
def test_windows_and_rows_are_what_they_are_under_a_steady_clock(
    tmp_path: Path, classifier: Classifier, name: str
) -> None:
    steady_alerts, steady = played(WALLS["steady"], tmp_path / "steady", classifier)
    assert [event for _, event in steady_alerts] == ["raised", "cleared"] * 2 + ["raised"]
    alerts, rows = played(WALLS[name], tmp_path / name, classifier)
    assert alerts == steady_alerts

    def told(row: schema.Row) -> tuple[str, ...]:
        return row.values[1:]

    assert sorted(map(told, rows)) == sorted(map(told, steady)), "none lost, none twice"
    times = [row.time.astimezone(UTC) for row in rows if row.face is not None]
    assert len(set(times)) >= len(times) - 2


def test_rows_of_before_the_clock_was_set_are_not_taken_for_old(
    tmp_path: Path, classifier: Classifier
) -> None:
    _, rows = played(WALLS["set-forward"], tmp_path, classifier)
    retention.apply_retention(
        tmp_path, DiaryConfig(keep_days=WEEKS.days - 1), TRUE.date(), clock_ok=True
    )
    assert list(reader.between(layout.files(tmp_path))) == rows


def test_rows_are_marked_until_the_clock_is_right(tmp_path: Path, classifier: Classifier) -> None:
    _, rows = played(WALLS["set-forward"], tmp_path, classifier)
    marked = ["clock" in row.as_dict()["note"].split() for row in rows]
    early = [row.time < TRUE - timedelta(weeks=1) for row in rows]
    assert marked == early
    assert 0 < sum(marked) < len(rows)
