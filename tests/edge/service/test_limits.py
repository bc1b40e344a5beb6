"""Counts that were set over MQTT instead of the configured ones."""

from __future__ import annotations

import logging

import pytest

from edge.config.alerts import AlertConfig
from edge.config.schema import Config, MoodConfig
from edge.service.limits import Limits, highest, overrides

LABELS = ("sad", "happy")
CONFIG = Config(alerts=(AlertConfig("A b", count=30), AlertConfig("c", count=5, clear_count=4)))


def test_the_highest_is_what_one_face_gives_within_the_window_or_what_is_configured() -> None:
    assert highest(CONFIG) == {"a-b": 120, "c": 120}
    assert highest(Config(alerts=(AlertConfig(count=500),))) == {"negative": 500}
    each_frame = Config(mood=MoodConfig(reading_interval_s=0))
    assert highest(each_frame) == {"negative": 10**6}


def test_what_was_kept_overrides_and_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    limits = Limits(CONFIG, LABELS, {"a-b": 50, "gone": 3}, lambda *_: None)
    assert limits.counts == {"a-b": 50, "c": 5}
    assert [(rule.count, rule.clear_count) for rule in limits.configs()] == [(50, 25), (5, 4)]
    assert [record.message for record in caplog.records] == [
        "alert 'a-b': count 50, set over MQTT, overrides 30"
    ]
    assert list(overrides(CONFIG, {"a-b": 30})) == []


@pytest.mark.parametrize("kept", [0, -1, 121, 10**9])
def test_what_does_not_fit_any_more_is_not_taken_over(kept: int) -> None:
    assert Limits(CONFIG, LABELS, {"a-b": kept}, lambda *_: None).counts["a-b"] == 30


def test_a_new_one_is_kept_and_the_configured_one_forgets_it() -> None:
    told: list[tuple[str, int | None]] = []
    limits = Limits(CONFIG, LABELS, {}, lambda name, count: told.append((name, count)))
    assert limits.set("c", 2).clear_count == 1, "below the count"
    assert limits.set("c", 5).clear_count == 4
    assert told == [("c", 2), ("c", None)]
