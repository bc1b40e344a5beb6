"""From the lines of a diary to rows of the table; what is not a row is reported with its line."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, TypeAlias, cast

from edge.diary import reader
from edge.diary.faults import Faults
from edge.diary.hour_grid import hour_of
from edge.diary.parser import is_fault
from edge.diary.schema import NOTE, parse_header, parse_model_note, parse_row, problem
from edge.diary.values import labels_of
from edge.export.columns import MODEL
from edge.notes import Note

#: The values of one row, in the order of `columns.columns_for` of its labels.
Row: TypeAlias = tuple[int | str | float | None, ...]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND, _MINUTE = timedelta(milliseconds=1), timedelta(minutes=1)


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
        row = parse_row(self.columns, line)
        if row is None:
            return None
        if row.face is None:
            return self._event(row.time, row.values[NOTE])
        return row.time, Item(
            row.day,
            self._labels,
            (*_stamp(row.time), *row.values[1:], None, *self._model),
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
        if columns:
            self.columns, self._labels = columns, labels_of(columns)
            self._model = (None, None)
        return bool(columns)


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
                        faults.bad_line(number, problem(parser.columns, line))
                elif columns and columns != parser.columns:
                    faults.other_model(number)
            if not number:
                faults.empty()
    except FileNotFoundError:
        return
    except PermissionError:
        raise
    except (EOFError, zlib.error, OSError) as error:
        faults.unreadable(number + 1, error)
    faults.leave()


def _stamp(time: datetime) -> tuple[int, int]:
    offset = time.utcoffset()
    assert offset is not None
    return (time - _EPOCH) // _MILLISECOND, offset // _MINUTE
