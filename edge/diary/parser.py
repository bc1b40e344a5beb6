"""The lines of a diary file, one after another: rows, headers, and what is neither."""

from __future__ import annotations

from pathlib import Path

from edge import filelock
from edge.diary import layout
from edge.diary.faults import Faults
from edge.diary.hour_grid import hour_of
from edge.diary.schema import Row, parse_header, parse_row, problem


class Parser:
    """Knows the columns of the next line of the file at `path`; `faults` hears what is wrong."""

    def __init__(self, path: Path, faults: Faults, columns: tuple[str, ...] = ()) -> None:
        self.columns = columns
        self._path, self._faults = path, faults
        self._hour = ""

    def row(self, line: str, number: int) -> Row | None:
        """Return the row in `line`, which has its end; None for all else.

        A header applies to the lines after it; lines before the first one are not rows.
        """
        row = parse_row(self.columns, line)
        if row is None:
            self._other(line, number)
        elif row.values[0][:13] != self._hour:
            self._hour = row.values[0][:13]
            self._faults.hour(hour_of(row.time), number)
        return row

    def _other(self, line: str, number: int) -> None:
        if columns := parse_header(line):
            if self.columns and columns != self.columns:
                self._faults.other_model(number)
            self.columns = columns
        elif is_fault(self._path, line):
            self._faults.bad_line(number, problem(self.columns, line))


def is_fault(path: Path, line: str) -> bool:
    """Return whether something is wrong with a line that is neither a row nor a header.

    Nothing is with an empty one, and with one that the service may just be writing.
    """
    if line.endswith("\n") or path.name != layout.NAME:
        return bool(line.strip())
    return not filelock.is_held(path.parent)
