"""A board without a clock battery: the wall clock jumps by weeks under the real loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import archive, diary
from edge.alarm import Alarm
from edge.classifier import Classifier
from edge.config import AlertRule, Faces, Log, resolve
from edge.config import Mood as MoodConfig
from edge.daemon import model_path, run
from edge.faces import Finder
from edge.journal import Journal
from edge.mood import Mood
from edge.records import Alert, Frame
from edge.status import Status
from edge.stopwatch import Stopwatch
from edge.systemd import Notifier
from tests.house import CLIP

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
) -> tuple[list[tuple[float, str]], list[diary.Row]]:
    """When which alert came, and the diary, under this wall clock."""
    told: list[tuple[float, str]] = []

    def tell(now_s: float, alerts: tuple[Alert, ...], *_: object) -> None:
        told.extend((now_s, alert.event_type.value) for alert in alerts)

    rule = AlertRule("any", classifier.labels, 8, 15.0, 2, 0.0, cooldown_s=5.0)
    watch = Stopwatch()
    with Journal(Log(keep_days=36500), folder, classifier.labels) as journal:
        run(
            frames(wall),
            finder=Finder(Faces(), 1, watch.lap),
            mood=Mood(MoodConfig(), classifier.labels, classifier),
            journal=journal,
            alarm=Alarm([resolve(rule, classifier.labels)]),
            tell=tell,  # type: ignore[arg-type]
            notifier=Notifier(""),
            listener=lambda _: None,
            watch=watch,
            status=Status(),
        )
    return told, list(diary.since(diary.files(folder), None))


@pytest.mark.parametrize("name", [name for name in WALLS if name != "steady"])
def test_windows_and_rows_are_what_they_are_under_a_steady_clock(
    tmp_path: Path, classifier: Classifier, name: str
) -> None:
    steady_alerts, steady = played(WALLS["steady"], tmp_path / "steady", classifier)
    assert [event for _, event in steady_alerts] == ["raised", "cleared"] * 2 + ["raised"]
    alerts, rows = played(WALLS[name], tmp_path / name, classifier)
    assert alerts == steady_alerts

    def told(row: diary.Row) -> tuple[str, ...]:
        return row.values[1:]

    assert sorted(map(told, rows)) == sorted(map(told, steady)), "none lost, none twice"
    assert len({row.time.astimezone(UTC) for row in rows}) >= len(rows) - 2


def test_rows_of_before_the_clock_was_set_are_not_taken_for_old(
    tmp_path: Path, classifier: Classifier
) -> None:
    _, rows = played(WALLS["set-forward"], tmp_path, classifier)
    archive.tidy(tmp_path, Log(keep_days=WEEKS.days - 1), TRUE.date(), sure=True)
    assert list(diary.since(diary.files(tmp_path), None)) == rows


def test_rows_are_marked_until_the_clock_is_right(tmp_path: Path, classifier: Classifier) -> None:
    _, rows = played(WALLS["set-forward"], tmp_path, classifier)
    marked = ["clock" in row.as_dict()["note"].split() for row in rows]
    early = [row.time < TRUE - timedelta(weeks=1) for row in rows]
    assert marked == early
    assert 0 < sum(marked) < len(rows)
