"""From the lines of a diary to rows of the table; what is not a row is reported with its line."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias, cast

from edge.diary import reader
from edge.diary.faults import Faults
from edge.diary.hour_grid import hour_of
from edge.diary.parser import is_fault
from edge.diary.schema import (
    FIRST,
    LAST,
    NOTE,
    parse_header,
    parse_model_note,
    parse_row,
    problem,
)
from edge.export.columns import MODEL
from edge.notes import Note

#: The values of one row, in the order of `columns.columns_for` of its labels.
Row: TypeAlias = tuple[int | str | float | None, ...]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND, _MINUTE = timedelta(milliseconds=1), timedelta(minutes=1)
_SHARE, _PIXELS = r"(0(?:\.\d+)?|1(?:\.0+)?)", r"(-?\d{1,9})"
#: What the columns of a reading must be; all others are shares.
_PATTERNS = {
    "time": r"([^,\r\n]+)",
    "face": r"(\d{1,10})",
    "emotion": r"([^,\r\n]+)",
    "note": r"([^,\r\n]*)",
    **dict.fromkeys(("x", "y", "width", "height"), _PIXELS),
}
_WANTED = {_SHARE: "a number from 0 to 1", _PIXELS: "a whole number of pixels"}


class Item(NamedTuple):
    """One row: its local day, the labels that its model has, and the values of its columns.

    `cells` are those of `columns.columns_for(labels)`: `time` as milliseconds since 1970 UTC, the
    other numbers as they are in the diary, as text, checked to be numbers; None for no value.
    """

    date: str
    labels: tuple[str, ...]
    cells: Row

    @property
    def model(self) -> str | None:
        """The digest of the model's card; None if the diary does not say."""
        return cast(str | None, self.cells[MODEL])


class _Parser:
    """Knows what the lines so far have said: the columns, and which model the rows are of."""

    def __init__(self) -> None:
        self.columns: tuple[str, ...] = ()
        self._labels: tuple[str, ...] = ()
        self._model: tuple[str, float] | tuple[None, None] = (None, None)

    def item(self, line: str) -> tuple[datetime, Item] | None:
        """Return the row in `line`, which has its end, and its time; None if it is not a row."""
        found = _pattern(self.columns).fullmatch(line) if self.columns else None
        if found is None or not line.endswith("\n"):  # rare: an event, or a torn end
            row = parse_row(self.columns, line)
            if row is None:
                return None
            if row.face is None:
                return self._event(row.time, row.values[NOTE])
            if found is None:
                return None
        values = found.groups()
        try:
            time = datetime.fromisoformat(values[0])
        except ValueError:
            return None
        if time.tzinfo is None or not line.rstrip("\r\n").isprintable():
            return None
        return time, Item(
            time.date().isoformat(),
            self._labels,
            (*_stamp(time), *values[1:], None, *self._model),
        )

    def _event(self, time: datetime, note: str) -> tuple[datetime, Item]:
        self._model = parse_model_note(note) or self._model
        event = note.removesuffix(f" {Note.CLOCK}")
        doubt = "" if event == note else Note.CLOCK.value
        nothing = (None,) * (len(self.columns) - 2)
        cells = (*_stamp(time), *nothing, doubt, event or "unknown", *self._model)
        return time, Item(time.date().isoformat(), self._labels, cells)

    def header(self, line: str) -> bool:
        """Take over the columns if `line` is a header; return whether it is."""
        columns = parse_header(line)
        names = columns[len(FIRST) : -len(LAST)]
        if not columns or len(set(names)) < len(names):
            return False
        if not all(name.startswith("p_") and name.isprintable() for name in names):
            return False
        self.columns, self._labels = columns, tuple(name[2:] for name in names)
        self._model = (None, None)
        return True

    def problem(self, line: str) -> str:
        """Return why `line` is neither a row nor a header."""
        text = line.rstrip("\r\n")
        values = text.split(",")
        if len(values) == len(self.columns) and text.isprintable():
            for name, value in zip(self.columns, values, strict=True):
                pattern = _PATTERNS.get(name, _SHARE)
                if not re.fullmatch(pattern, value):
                    return f"{name}: '{value:.40}' is not {_WANTED.get(pattern, 'a value')}"
        return problem(self.columns, line)


def items(
    path: Path, faults: Faults, start: datetime | None = None, end: datetime | None = None
) -> Iterator[Item]:
    """Yield the rows of a file from `start` to before `end`; a missing file has none.

    Raises `PermissionError`; `faults` hears of all else that is wrong, and the rest is read.
    """
    parser, number = _Parser(), 0
    faults.enter(path)
    try:
        with reader.open_text(path) as file:
            for number, line in enumerate(file, 1):
                columns = parser.columns
                if found := parser.item(line):
                    time, item = found
                    faults.hour(hour_of(time), number)
                    if (start is None or time >= start) and (end is None or time < end):
                        yield item
                elif not parser.header(line):
                    if is_fault(path, line):
                        faults.bad_line(number, parser.problem(line))
                elif columns and columns != parser.columns:
                    faults.other_model(number)
    except FileNotFoundError:
        return
    except PermissionError:
        raise
    except (EOFError, zlib.error, OSError) as error:
        faults.unreadable(number + 1, error)
    faults.leave()


@cache
def _pattern(columns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(",".join(_PATTERNS.get(name, _SHARE) for name in columns) + "\r?\n?")


def _stamp(time: datetime) -> tuple[int, int]:
    offset = time.utcoffset()
    assert offset is not None
    return (time - _EPOCH) // _MILLISECOND, offset // _MINUTE
