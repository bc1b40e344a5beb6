"""What the loop costs, every half minute: for the `stats` topic."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from edge import temperature
from edge.records import Frame
from edge.stopwatch import Stopwatch

_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


class Stats:
    """Counts frames, and reports on the time since the report before."""

    def __init__(self, watch: Stopwatch, scan_every: Callable[[], int] = lambda: 1) -> None:
        self._watch, self._scan_every = watch, scan_every
        self._frames = self._dropped = 0
        self._totals_s = dict(watch.totals_s)
        self._cpu_s, self._from_s = time.process_time(), time.monotonic()

    def count(self, frame: Frame) -> None:
        """Call it for every frame."""
        self._frames += 1
        self._dropped += frame.skipped

    def report(self, frame: Frame | None) -> dict[str, object]:
        """The `stats` topic's content; `frame` is the latest one.

        `fps`: frames a second that the loop worked on. `cpu_share` of one core: all threads.
        `ms`: the loop's CPU time a frame, by stage; null without a frame. `dropped`: camera
        pictures that nobody looked at. `scan_every`: full-picture scans go on in each so many-th
        frame. `temperature_c`, `throttled`: null where the board does not tell. `rss_mb`: MiB.
        """
        cpu_s, now_s, totals_s = time.process_time(), time.monotonic(), dict(self._watch.totals_s)
        passed_s = max(now_s - self._from_s, 1e-3)
        heat = temperature.read()
        told: dict[str, object] = {
            "time": frame.time.isoformat(timespec="milliseconds") if frame else None,
            "fps": round(self._frames / passed_s, 1),
            "cpu_share": round((cpu_s - self._cpu_s) / passed_s, 3),
            "ms": {stage: self._mean_ms(stage, total_s) for stage, total_s in totals_s.items()},
            "dropped": self._dropped,
            "scan_every": self._scan_every(),
            "temperature_c": None if heat.celsius is None else round(heat.celsius, 1),
            "throttled": heat.throttled,
            "rss_mb": rss_mb(),
        }
        self._cpu_s, self._from_s, self._totals_s = cpu_s, now_s, totals_s
        self._frames = self._dropped = 0
        return told

    def _mean_ms(self, stage: str, total_s: float) -> float | None:
        if not self._frames:
            return None
        return round(1000 * (total_s - self._totals_s[stage]) / self._frames, 3)


def rss_mb() -> float:
    """Memory of this process that is in RAM, MiB (proc(5), `statm`)."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return round(int(pages) * _PAGE_MB, 1)
