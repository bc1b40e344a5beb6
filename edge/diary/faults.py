"""What is wrong with the files of a diary: each kind is reported once per file, with its line."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from edge.diary import layout
from edge.errors import first_line

#: What is wrong with a path, after its name.
DIRECTORY = "a directory in place of the file; move it away"
_EMPTY = "an empty file; what it had is lost"
log = logging.getLogger(__name__)


class Faults:
    """Of one pass over the files, in their order: `enter` one, say what it has, `leave` it.

    `warn` hears all of a file's faults when it is left; None: nobody. `fate` is what becomes of a
    line that is not a row.
    """

    def __init__(
        self, warn: Callable[[str], object] | None = log.warning, fate: str = "skipped"
    ) -> None:
        self._warn, self._fate = warn, fate
        self._path = Path()
        self._known: set[str] = set()
        self._messages: list[str] = []
        self._first, self._more = "", 0
        self._hour: datetime | None = None
        self.lines_before: Callable[[], int] = int
        """How many lines of the file there are before those that are counted; asked if needed."""
        self.bad_lines = 0
        """How many lines of all files are not rows."""

    def enter(self, path: Path) -> None:
        """Begin with a file."""
        self._path, self.lines_before = path, int
        self._known.clear()
        self._messages.clear()
        self._first, self._more = "", 0

    def leave(self) -> None:
        """Say what is new since the last call; a file that still grows may be left many times."""
        if self._first:
            more = f", and so {'is 1 line' if self._more == 1 else f'are {self._more} lines'}"
            also = f"{more} after it" if self._more else ""
            self._messages.append(f"{self._first}; {self._fate}{also}")
        self._first, self._more = "", 0
        for message in self._messages:
            if self._warn:
                self._warn(message)
        self._messages.clear()

    def bad_line(self, line: int, why: str) -> None:
        """Count a line that is not a row."""
        self.bad_lines += 1
        if "line" not in self._known:
            self._known.add("line")
            self._first = self._at(line, why)
        elif self._first:
            self._more += 1

    def other_model(self, line: int) -> None:
        """Note that the header in `line` is another than the one before."""
        self._once("model", line, "rows of another model from here on")

    def hour(self, start: datetime, line: int) -> None:
        """Note that the rows from `line` on are of the hour that begins `start`."""
        before, self._hour = self._hour, start
        if before is not None and start < before:
            went = f"from {before:%Y-%m-%d %H:%M} to {start:%Y-%m-%d %H:%M}"
            self._once("clock", line, f"the clock went back, {went}")

    def empty(self) -> None:
        """Note that the file has no line; the current one may just have been made."""
        if self._path.name != layout.NAME:
            self._messages.append(f"{self._path}: {_EMPTY}")

    def unreadable(self, line: int, error: Exception) -> None:
        """Note that `line` could not be read, nor what follows it."""
        if isinstance(error, IsADirectoryError):
            self._messages.append(f"{self._path}: {DIRECTORY}")
            return
        self._once("end", line, f"cannot be read from here on: {first_line(error)}")

    def _once(self, kind: str, line: int, message: str) -> None:
        if kind not in self._known:
            self._known.add(kind)
            self._messages.append(self._at(line, message))

    def _at(self, line: int, message: str) -> str:
        return f"{self._path}:{self.lines_before() + line}: {message}"
