"""What the loop reports of itself, against what a real process and clock say."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest

from edge.stats import Stats, rss_mb
from edge.status import Status
from edge.stopwatch import STAGES, Stopwatch
from tests.samples import frame, reading


def burn(seconds: float) -> None:
    """Uses the processor so long."""
    until_s = time.thread_time() + seconds
    while time.thread_time() < until_s:
        pass


def test_a_report_is_of_the_time_since_the_one_before() -> None:
    watch = Stopwatch()
    stats = Stats(watch, lambda: 4)
    began_s = time.monotonic()
    watch.skip()
    for at in range(5):
        burn(0.02)
        watch.lap("track")
        stats.count(dataclasses.replace(frame(at), skipped=at))
    first = stats.report(frame(4.0))
    passed_s = time.monotonic() - began_s
    assert first["time"] == "2026-03-01T12:00:04.000+02:00"
    assert first["fps"] == pytest.approx(5 / passed_s, rel=0.1)
    assert first["ms"] == dict.fromkeys(STAGES, 0.0) | {"track": pytest.approx(20, rel=0.2)}
    assert (first["dropped"], first["scan_every"]) == (10, 4)
    assert first["cpu_share"] == pytest.approx(0.1 / passed_s, rel=0.3)
    second = stats.report(frame(4.0))
    assert (second["dropped"], second["fps"]) == (0, 0.0)
    assert second["ms"] == dict.fromkeys(STAGES), "without a frame there is no mean"


def test_memory_is_what_the_kernel_calls_it() -> None:
    lines = Path("/proc/self/status").read_text().splitlines()
    (kilobytes,) = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    assert rss_mb() == pytest.approx(int(kilobytes) / 1024, rel=0.05)


def test_a_silent_camera_leaves_nobody_in_sight_and_no_rate_until_it_is_back() -> None:
    status = Status()
    for tenth in range(20):
        status.update(frame(tenth / 10), (), [reading()] if tenth == 19 else [])
    assert status.fps == pytest.approx(10)
    status.silence()
    assert status.state() | {"time": None} == {
        "time": None, "emotion": "none", "confidence": 0.0, "faces": 0, "fps": 0.0,
    }  # fmt: skip
    for tenth in range(50, 60):
        status.update(frame(tenth / 10), (), ())
    assert not status.silent
    assert status.fps == pytest.approx(10), "the silence does not count"
