"""CPU time of each stage of the loop."""

from __future__ import annotations

import time
from collections.abc import Callable

#: In the loop's order. `Detector` itself laps `scan` and `track`.
STAGES = ("capture", "scan", "track", "classify", "log", "publish")


class StageTimer:
    """Add up the time between laps; `clock` gives seconds, by default CPU time of the thread.

    A thread's own time leaves out other threads, such as a camera's decoder.
    """

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        self._clock = clock
        self.totals_s = dict.fromkeys(STAGES, 0.0)
        """Seconds of each stage so far."""
        self._last_s = clock()

    def lap(self, stage: str) -> None:
        """Count the time since the last lap for `stage`."""
        now_s = self._clock()
        self.totals_s[stage] += now_s - self._last_s
        self._last_s = now_s

    def skip(self) -> None:
        """Discard the time since the last lap."""
        self._last_s = self._clock()


def nothing(_stage: str) -> None:
    """Serve as `lap` where nothing is timed."""
