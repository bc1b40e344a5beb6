"""What the loop costs: the content of the `stats` topic."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from edge.records import Frame
from edge.service import thermal
from edge.stage_timer import StageTimer

_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


class Metrics:
    """Counts frames, and reports on the time since the previous report."""

    def __init__(self, timer: StageTimer, scan_every: Callable[[], int] = lambda: 1) -> None:
        self._timer, self._scan_every = timer, scan_every
        self._frames = self._dropped = 0
        self._frame_s: float | None = None
        self._totals_s = dict(timer.totals_s)
        self._cpu_s, self._from_s = time.process_time(), time.monotonic()

    def count(self, frame: Frame) -> None:
        """Count `frame`; call it for every frame."""
        self._frames += 1
        self._frame_s = frame.monotonic_s
        self._dropped += frame.skipped

    def report(self, frame_time: datetime | None) -> dict[str, object]:
        """Return the `stats` topic's content; `frame_time` is the latest frame's.

        `fps`: frames per second that the loop processed. `cpu_share`: of one core, all threads
        together. `ms`: the loop's CPU time per frame, by stage; null without a frame. `dropped`:
        camera pictures that were not processed. `scan_every`: the whole picture is searched on
        every Nth frame. `temperature_c`, `throttled`: null where the board does not report them.
        `rss_mb`: MiB. `last_frame_s`: seconds since the latest frame; null before any.
        """
        cpu_s, now_s, totals_s = time.process_time(), time.monotonic(), dict(self._timer.totals_s)
        passed_s = max(now_s - self._from_s, 1e-3)
        board = thermal.read()
        report: dict[str, object] = {
            "time": frame_time.isoformat(timespec="milliseconds") if frame_time else None,
            "fps": round(self._frames / passed_s, 1),
            "cpu_share": round((cpu_s - self._cpu_s) / passed_s, 3),
            "ms": {stage: self._mean_ms(stage, total_s) for stage, total_s in totals_s.items()},
            "dropped": self._dropped,
            "scan_every": self._scan_every(),
            "temperature_c": None if board.celsius is None else round(board.celsius, 1),
            "throttled": board.throttled,
            "rss_mb": rss_mb(),
            "last_frame_s": None if self._frame_s is None else round(now_s - self._frame_s, 1),
        }
        self._cpu_s, self._from_s, self._totals_s = cpu_s, now_s, totals_s
        self._frames = self._dropped = 0
        return report

    def _mean_ms(self, stage: str, total_s: float) -> float | None:
        if not self._frames:
            return None
        return round(1000 * (total_s - self._totals_s[stage]) / self._frames, 3)


def rss_mb() -> float:
    """Return this process's resident memory, MiB (proc(5), `statm`)."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return round(int(pages) * _PAGE_MB, 1)
