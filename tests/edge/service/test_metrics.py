"""What the loop reports of itself, against what a real process and clock say."""

from __future__ import annotations

import dataclasses
import itertools
import time
from pathlib import Path

import pytest

from edge.alerts.rules import Rules
from edge.config.alerts import AlertConfig
from edge.records import Face, Snapshot
from edge.service.metrics import Metrics, rss_mb
from edge.service.status import Status
from edge.stage_timer import STAGES, StageTimer
from tests.support.samples import frame, reading


def burn(seconds: float) -> None:
    """Uses the processor for this long."""
    until_s = time.thread_time() + seconds
    while time.thread_time() < until_s:
        pass


def test_a_report_is_of_the_time_since_the_one_before() -> None:
    watch = StageTimer()
    stats = Metrics(watch, lambda: 4)
    began_s = time.monotonic()
    watch.skip()
    for at in range(5):
        burn(0.02)
        watch.lap("track")
        stats.count(dataclasses.replace(frame(at), skipped=at))
    first = stats.report(frame(4.0).time)
    passed_s = time.monotonic() - began_s
    assert first["time"] == "2026-03-01T12:00:04.000+02:00"
    assert first["fps"] == pytest.approx(5 / passed_s, rel=0.1)
    assert first["ms"] == dict.fromkeys(STAGES, 0.0) | {"track": pytest.approx(20, rel=0.2)}
    assert (first["dropped"], first["scan_every"]) == (10, 4)
    assert first["cpu_share"] == pytest.approx(0.1 / passed_s, rel=0.3)
    second = stats.report(frame(4.0).time)
    assert (second["dropped"], second["fps"]) == (0, 0.0)
    assert second["ms"] == dict.fromkeys(STAGES), "without a frame there is no mean"


def test_the_age_of_the_latest_frame_grows_while_the_camera_is_silent() -> None:
    metrics = Metrics(StageTimer())
    assert metrics.report(None)["last_frame_s"] is None
    metrics.count(dataclasses.replace(frame(0.0), monotonic_s=time.monotonic() - 40.0))
    assert metrics.report(None)["last_frame_s"] == pytest.approx(40.0, abs=0.5)


def test_memory_is_what_the_kernel_calls_it() -> None:
    lines = Path("/proc/self/status").read_text().splitlines()
    (kilobytes,) = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    assert rss_mb() == pytest.approx(int(kilobytes) / 1024, rel=0.05)


def test_a_silent_camera_leaves_nobody_in_sight_and_no_rate_until_it_is_back() -> None:
    status, rules = Status(), Rules([])
    for tenth in range(20):
        status.update(frame(tenth / 10), (), [reading()] if tenth == 19 else [], rules)
    assert status.fps == pytest.approx(10)
    silent = status.silence(2.0, rules)
    assert silent.camera_silent
    assert silent.state == {
        "time": "2026-03-01T12:00:01.900+02:00",
        "emotion": "none", "confidence": 0.0, "faces": 0, "fps": 0.0, "negative": {},
        "share": {}, "camera": False, "paused": (), "snoozed": (),
    }  # fmt: skip
    for tenth in range(50, 60):
        back = status.update(frame(tenth / 10), (), (), rules)
    assert not back.camera_silent
    assert status.fps == pytest.approx(10), "the silence does not count"


@pytest.mark.parametrize("gone", ["out of sight", "the camera silent"])
def test_a_face_that_is_back_shows_what_was_read_before_its_next_reading(gone: str) -> None:
    """Its next reading may be a minute away: `mood.reading_interval_s`."""
    status, rules = Status(), Rules([])
    face = Face(1, reading().box)
    status.update(frame(0.0), [face], [reading()], rules)
    for tenth in range(1, 30):
        if gone == "out of sight":
            status.update(frame(tenth / 10), (), (), rules)
        else:
            status.silence(tenth / 10, rules)
    assert "expression: none" in str(status)
    back = status.update(frame(6.0), [face], (), rules)
    assert (back.state["emotion"], back.state["faces"]) == ("happy", 1)


def test_only_the_latest_readings_are_kept() -> None:
    status, rules = Status(), Rules([])
    for track in range(1000):
        status.update(frame(track), [Face(track, reading().box)], [reading(face=track)], rules)
    assert len(status._readings) == 100
    assert status.main is not None
    assert status.main.face == 999


def test_a_snapshot_holds_the_same_reports_until_their_intervals_are_over() -> None:
    status = Status()
    rules = Rules([AlertConfig("calm", ("happy",), 2, 60.0, 0, 0.0)])
    seen = []
    for at in range(40):
        rules.update(frame(at), [reading(at)])
        seen.append(status.update(frame(at), (), [reading(at)], rules))
    states = [snapshot.monotonic_s for snapshot in first_of_each(seen, "state")]
    assert states == [0, 5, 10, 15, 20, 25, 30, 35]
    assert [snapshot.monotonic_s for snapshot in first_of_each(seen, "stats")] == [0, 30]
    assert [snapshot.raised for snapshot in seen[:2]] == [{"calm": False}, {"calm": True}]
    assert [snapshot.negative["calm"] for snapshot in seen] == list(range(1, 41))
    assert seen[9].state["negative"] == {"calm": 6}, "what it was at five seconds"


def first_of_each(seen: list[Snapshot], report: str) -> list[Snapshot]:
    """The snapshots whose report is another object than that of the one before."""
    pairs = itertools.pairwise(seen)
    return seen[:1] + [b for a, b in pairs if getattr(a, report) is not getattr(b, report)]


def test_building_a_snapshot_costs_next_to_nothing() -> None:
    status = Status()
    rules = Rules([AlertConfig("calm", ("happy",), 2, 60.0, 0, 0.0)])
    frames = [frame(at / 15) for at in range(2000)]
    began_s = time.process_time()
    for each in frames:
        status.update(each, (), (), rules)
    assert (time.process_time() - began_s) / len(frames) < 100e-6
