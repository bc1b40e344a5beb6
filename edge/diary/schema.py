"""The format of a diary row: its columns, how a reading is written, how a line is read.

A file is CSV with CRLF line ends and one header per model:
`time,face,emotion,confidence,p_<label>...,x,y,width,height,note`. No value holds a comma or a
quote, so a line is split at its commas and nothing else has a meaning: a stray quote in a damaged
line cannot swallow the lines after it. A row without a face is an event, which `note` names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from edge.diary import values as must_be
from edge.diary.values import FIRST, LAST
from edge.notes import EventWord, Note

if TYPE_CHECKING:  # a reader of the diary needs no numpy
    from edge.records import Event, Reading

#: Where these are among a row's values.
EMOTION, CONFIDENCE, NOTE = 2, 3, -1
#: Whole notes and words of them: what cannot be the torn beginning of another note.
_WORDS = frozenset(map(str, (*Note, EventWord.PAUSED, EventWord.RESUMED)))


class Row(NamedTuple):
    """One line of a diary with its file's columns. `face` is None for an event without a face."""

    time: datetime
    face: int | None
    header: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def day(self) -> str:
        """The local date of `time`, `YYYY-MM-DD`."""
        return self.time.date().isoformat()

    @property
    def clock_ok(self) -> bool:
        """False if the clock had not been synchronised when the row was written."""
        return Note.CLOCK not in self.values[NOTE].split()

    def as_dict(self) -> dict[str, str]:
        """Return the values by the names of their columns."""
        return dict(zip(self.header, self.values, strict=True))


def header(labels: Iterable[str]) -> str:
    """Return the first line, without its line end, for a model with these labels."""
    return ",".join([*FIRST, *(f"p_{label}" for label in labels), *LAST])


def format_row(reading: Reading) -> bytes:
    """Return the line, with its end, for one reading; probabilities have 4 decimals."""
    probabilities = ",".join(f"{p:.4f}" for p in reading.probabilities)
    x, y, width, height = reading.box
    return (
        f"{reading.time.isoformat(timespec='milliseconds')},{reading.face},{reading.emotion},"
        f"{reading.confidence:.4f},{probabilities},{x},{y},{width},{height},"
        f"{' '.join(reading.notes)}\r\n"
    ).encode()


def format_event(event: Event, labels: Sequence[str]) -> bytes:
    """Return the line, with its end, for an event: only time and note have a value."""
    time = event.time.isoformat(timespec="milliseconds").encode()
    return event_line(time, event_columns(event.note, labels), clock_ok=event.clock_ok)


def event_line(time: bytes, columns: bytes, *, clock_ok: bool) -> bytes:
    """Return the line, with its end, for an event of these `event_columns`."""
    return time + columns + (b"" if clock_ok else b" %s" % Note.CLOCK.encode()) + b"\r\n"


def event_columns(note: str, labels: Sequence[str]) -> bytes:
    """Return the columns after the time, up to and with the note, of an event's line."""
    return b"," * (len(FIRST) + len(labels) + len(LAST) - 1) + note.encode()


def model_note(digest: str, reading_interval_s: float) -> str:
    """Return the note that a file begins with, `model 3fa9c2d41b7e 1s`.

    `digest` is that of the model's card; the readings of a face are `reading_interval_s` apart.
    """
    return f"{EventWord.MODEL} {digest} {reading_interval_s:g}s"


def parse_model_note(note: str) -> tuple[str, float] | None:
    """Return digest and reading interval, seconds, of a `model_note`; None if it is another."""
    words = note.split()
    if len(words) < 3 or words[0] != EventWord.MODEL:
        return None
    try:
        return words[1], float(words[2].removesuffix("s"))
    except ValueError:
        return None


def parse_header(line: str) -> tuple[str, ...]:
    """Return the names of the columns; empty if `line` is not a header.

    A byte order mark before it, as some editors write, is skipped.
    """
    text = line.removeprefix("\ufeff").rstrip("\r\n")
    columns = tuple(text.split(","))
    names = columns[len(FIRST) : -len(LAST)]
    if columns[: len(FIRST)] != FIRST or columns[-len(LAST) :] != LAST or not text.isprintable():
        return ()
    ours = all(name.startswith("p_") for name in names) and len({*names}) == len(names) > 0
    return columns if ours else ()


def is_whole(columns: tuple[str, ...], line: str) -> bool:
    """Return whether no part of `line`, which has its end, is missing or damaged.

    An editor may have saved the last line without an end: it is whole if no column is missing and
    its notes are whole words.
    """
    text = line.rstrip("\r\n")
    if text.count(",") != len(columns) - 1 or not text.isprintable():
        return False
    return line.endswith("\n") or _WORDS.issuperset(text.rpartition(",")[2].split())


def parse_row(columns: tuple[str, ...], line: str) -> Row | None:
    """Return the row in `line`, which has its end, under these columns; None if it is not one.

    All values are what they must be: see `edge.diary.values`.
    """
    if not columns or not is_whole(columns, line):
        return None
    text = line.rstrip("\r\n")
    found = must_be.reading(columns).fullmatch(text)
    values: tuple[str, ...] = found.groups() if found else tuple(text.split(","))
    if not found and (any(values[1:NOTE]) or not values[NOTE]):  # an event has time and note
        return None
    try:
        time = datetime.fromisoformat(values[0])
    except ValueError:
        return None
    return Row(time, int(values[1]) if found else None, columns, values) if time.tzinfo else None


def problem(columns: tuple[str, ...], line: str) -> str:
    """Return why `line`, which is not a header, is not a row under these columns either."""
    text = line.rstrip("\r\n")
    values = text.split(",")
    if not columns:
        return "no header of a diary before it"
    if len(values) != len(columns):
        return f"{len(values)} value{'s' * (len(values) > 1)} instead of {len(columns)}"
    if not text.isprintable():
        return "damaged characters"
    if not is_whole(columns, line):
        return "its end is missing"
    time = f"time: '{values[0]:.40}' is not a time with its offset from UTC"
    return must_be.fault(columns, values) or time
