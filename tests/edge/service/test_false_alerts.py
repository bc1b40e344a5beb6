"""Faces that other people have labelled, through the real line: which of them raise an alert.

Ten minutes of each kind in each condition; `tests/long/run hours` plays an hour, and measures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from edge.alerts.rules import Rules
from edge.config.alerts import AlertConfig, resolve
from edge.config.schema import Config
from edge.expressions.classifier import Classifier
from edge.notes import Note
from edge.records import AlertEvent, Reading
from tests.support.samples import frame
from tests.support.visitors import CONDITIONS, PLACES, Played, frames, labelled, play, scene

pytestmark = pytest.mark.slow

LONG_S = 600
DEFAULT = AlertConfig()
Watched = Callable[..., Played]
DARK = next(name for name in CONDITIONS if name.startswith("dark"))


@pytest.fixture(scope="module")
def watched(shared: Path) -> Watched:
    """Plays faces with these labels for some seconds, in one of the conditions; each once."""
    data, behind = shared / "data" / "fer2013_train_public.npz", scene(shared / "videos")

    @cache
    def played(condition: str, seconds: float, *labels: str) -> Played:
        return play(frames(labelled(data, *labels), behind, condition, seconds), DEFAULT)

    return played


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("label", ["neutral", "happy"])
def test_neutral_and_happy_faces_raise_no_alert(
    label: str, condition: str, watched: Watched
) -> None:
    played = watched(condition, LONG_S, label)
    assert len(played.readings) > 0.7 * len(PLACES) * LONG_S, "the faces are found"
    assert played.alerts == []


@pytest.mark.parametrize("condition", [name for name in CONDITIONS if name != DARK])
def test_clearly_sad_and_angry_faces_raise_the_alert_within_its_window(
    condition: str, watched: Watched
) -> None:
    played = watched(condition, DEFAULT.window_s, "sad", "angry")
    assert [alert.event_type for alert in played.alerts] == [AlertEvent.RAISED]


def test_in_the_dark_nothing_is_clear_enough_for_an_alert(watched: Watched) -> None:
    played = watched(DARK, DEFAULT.window_s, "sad", "angry")
    dark = sum(Note.DARK in reading.notes for reading in played.readings)
    assert dark > 0.8 * len(played.readings) > DEFAULT.count
    assert played.alerts == []


@pytest.mark.parametrize("label", ["neutral", "happy"])
def test_a_crowd_reaches_the_count_but_not_the_share(label: str, watched: Watched) -> None:
    played = watched("", LONG_S, label)
    assert not raised(played, DEFAULT)
    assert raised(played, replace(DEFAULT, share=0.0))


def raised(played: Played, alert: AlertConfig) -> bool:
    """Whether `alert` is when fifty times the faces are there, each as at another moment."""
    seconds: dict[int, list[Reading]] = defaultdict(list)
    for reading in played.readings:
        seconds[int(reading.source_s)].append(reading)
    rules = Rules(resolve([alert], Classifier(Config().model.path).labels))
    return any(
        rules.update(frame(at), [r for n in range(50) for r in seconds[(at + 11 * n) % LONG_S]])
        for at in range(LONG_S)
    )
