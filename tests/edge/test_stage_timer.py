"""The stopwatch, with a clock of its own, and the stages that the loop and the finder lap."""

from __future__ import annotations

from collections.abc import Iterator

from edge.config.schema import FacesConfig
from edge.faces.detector import Detector
from edge.stage_timer import STAGES, StageTimer
from tests.support.samples import frame


def test_each_lap_counts_the_time_since_the_last_and_a_skip_counts_for_nobody() -> None:
    times: Iterator[float] = iter([10.0, 10.5, 12.5, 20.0, 21.0])
    watch = StageTimer(lambda: next(times))
    watch.lap("capture")
    watch.lap("scan")
    watch.skip()
    watch.lap("capture")
    assert watch.totals_s == dict.fromkeys(STAGES, 0.0) | {"capture": 1.5, "scan": 2.0}


def test_the_finder_laps_its_own_stages() -> None:
    laps: list[str] = []
    finder = Detector(FacesConfig(), lap=laps.append)
    for at in range(3):
        finder.find(frame(at))
    assert set(laps) == {"scan", "track"}


def test_by_default_it_is_this_threads_cpu_time_that_counts() -> None:
    watch = StageTimer()
    sum(range(200_000))
    watch.lap("scan")
    assert 0 < watch.totals_s["scan"] < 1
