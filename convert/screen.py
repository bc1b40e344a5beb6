"""What the commands share on the terminal: progress that is shown, words that are taken in."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable

from edge.errors import Problem

WIDTH = 30
#: The time that is left is guessed from no less than this.
GUESS_AFTER_S = 3.0


class Bars:
    """Progress on stderr. Call it as `convert.request.Progress`; `close()` ends a line begun."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._stage = ""
        self._begun_s, self._begun_at = 0.0, 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Stage `stage` is at `done` of `total`; where both are 0, `stage` is a line for itself."""
        now_s = time.monotonic()
        fresh = stage != self._stage
        if fresh:
            self._begun_s, self._begun_at = now_s, done
        if self._terminal:
            left_s = self._left_s(now_s, done, total)
            columns = shutil.get_terminal_size().columns
            start = self._end() + "\r" if fresh else "\r"
            print(start + line(stage, done, total, left_s, columns), end="", file=sys.stderr)
            sys.stderr.flush()
        elif fresh:
            print(stage, file=sys.stderr, flush=True)
        self._stage = stage

    def close(self) -> None:
        """End the line that a bar stands on."""
        if self._terminal and self._stage:
            print(file=sys.stderr, flush=True)
        self._stage = ""

    def _left_s(self, now_s: float, done: int, total: int) -> float | None:
        """How long the stage will still take, at its pace so far; None where that is not known."""
        took_s, did = now_s - self._begun_s, done - self._begun_at
        if took_s < GUESS_AFTER_S or did <= 0:
            return None
        return took_s / did * (total - done)

    def _end(self) -> str:
        return "\n" if self._stage else ""


def exit_code(name: str, work: Callable[[], int], bars: Bars, *, as_json: bool) -> int:
    """What `work` gives; of what it raises, one line for people, and JSON where that was asked."""
    try:
        return work()
    except Problem as error:
        bars.close()
        if as_json:
            print(json.dumps({"error": str(error), **getattr(error, "findings", {})}))
        print(f"{name}: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        bars.close()
        return 130


def line(stage: str, done: int, total: int, left_s: float | None, columns: int) -> str:
    """A stage, its bar, its count and the time left, in less than `columns` characters."""
    if not total:
        return stage[: columns - 1]
    count = f" {done}/{total}"
    if left_s is not None:
        count += f", {int(left_s) // 60}:{int(left_s) % 60:02} left"
    width = max(0, min(WIDTH, columns - len(count) - max(12, len(stage)) - 3))
    filled = width * done // total
    bar = "█" * filled + "░" * (width - filled)
    whole = f"{stage[: max(0, columns - len(count) - 2)]:<12} {bar}{count}"
    return whole[: columns - 1].ljust(columns - 1)  # the spaces wipe what was longer before


def joined(words: list[str]) -> list[str]:
    """`--input-range -1..1` as one word: argparse would take its value for an option."""
    whole: list[str] = []
    for word in words:
        if whole and whole[-1] == "--input-range":
            whole[-1] += f"={word}"
        else:
            whole.append(word)
    return whole
