"""What the commands share on the terminal: progress that is shown, words that are taken in."""

from __future__ import annotations

import sys

WIDTH = 30


class Bars:
    """Progress on stderr. Call it as `convert.request.Progress`; `close()` ends a line begun."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Stage `stage` is at `done` of `total`."""
        if self._terminal:
            filled = WIDTH * done // max(1, total)
            start = "\r" if stage == self._stage else self._end() + "\r"
            bar = "█" * filled + "░" * (WIDTH - filled)
            print(f"{start}{stage:<12} {bar} {done}/{total}", end="", file=sys.stderr, flush=True)
        elif stage != self._stage:
            print(stage, file=sys.stderr, flush=True)
        self._stage = stage

    def close(self) -> None:
        """End the line that a bar stands on."""
        if self._terminal and self._stage:
            print(file=sys.stderr, flush=True)
        self._stage = ""

    def _end(self) -> str:
        return "\n" if self._stage else ""


def joined(words: list[str]) -> list[str]:
    """`--input-range -1..1` as one word: argparse would take its value for an option."""
    whole: list[str] = []
    for word in words:
        if whole and whole[-1] == "--input-range":
            whole[-1] += f"={word}"
        else:
            whole.append(word)
    return whole
