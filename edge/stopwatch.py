"""What each stage of the loop costs, in CPU time."""

from __future__ import annotations

import time
from collections.abc import Callable

#: In the loop's order. `Finder` itself laps `scan` and `track`.
STAGES = ("capture", "scan", "track", "classify", "log", "publish")


class Stopwatch:
    """Adds up what lies between laps; `clock` gives seconds: by default the calling thread's CPU.

    A thread's own time leaves out what others do meanwhile, such as a camera's decoder.
    """

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        self._clock = clock
        self.totals_s = dict.fromkeys(STAGES, 0.0)
        """Seconds of each stage since the beginning."""
        self._last_s = clock()

    def lap(self, stage: str) -> None:
        """Counts what passed since the last lap for `stage`."""
        now_s = self._clock()
        self.totals_s[stage] += now_s - self._last_s
        self._last_s = now_s

    def skip(self) -> None:
        """Counts what passed since the last lap for nobody."""
        self._last_s = self._clock()


def nothing(_stage: str) -> None:
    """The lap of who is not timed."""
