"""Show progress on the terminal."""

from __future__ import annotations

import shutil
import sys
import time

WIDTH = 30
#: The remaining time is estimated after this.
ESTIMATE_AFTER_S = 3.0


class Bars:
    """Progress on stderr, called as `convert.request.Progress`."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._stage = ""
        self._started_s, self._started_at = 0.0, 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show `stage` at `done` of `total`; if both are 0, `stage` is a separate line."""
        now_s = time.monotonic()
        new = stage != self._stage
        if new:
            self._started_s, self._started_at = now_s, done
        if self._terminal:
            left_s = self._left_s(now_s, done, total)
            columns = shutil.get_terminal_size().columns
            start = self._end() + "\r" if new else "\r"
            print(start + line(stage, done, total, left_s, columns), end="", file=sys.stderr)
            sys.stderr.flush()
        elif new:
            print(stage, file=sys.stderr, flush=True)
        self._stage = stage

    def close(self) -> None:
        """End the line of the current bar."""
        if self._terminal and self._stage:
            print(file=sys.stderr, flush=True)
        self._stage = ""

    def _left_s(self, now_s: float, done: int, total: int) -> float | None:
        """Return the stage's remaining time at its pace so far; None if unknown."""
        elapsed_s, progress = now_s - self._started_s, done - self._started_at
        if elapsed_s < ESTIMATE_AFTER_S or progress <= 0:
            return None
        return elapsed_s / progress * (total - done)

    def _end(self) -> str:
        return "\n" if self._stage else ""


def line(stage: str, done: int, total: int, left_s: float | None, columns: int) -> str:
    """Return a line with a stage, its bar, its count and the time left.

    It has fewer than `columns` characters.
    """
    if not total:
        return stage[: columns - 1]
    count = f" {done}/{total}"
    if left_s is not None:
        count += f", {int(left_s) // 60}:{int(left_s) % 60:02} left"
    width = max(0, min(WIDTH, columns - len(count) - max(12, len(stage)) - 3))
    filled = width * done // total
    bar = "█" * filled + "░" * (width - filled)
    whole = f"{stage[: max(0, columns - len(count) - 2)]:<12} {bar}{count}"
    return whole[: columns - 1].ljust(columns - 1)  # the spaces erase a longer previous line
