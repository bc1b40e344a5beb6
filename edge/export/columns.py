"""The columns of an exported table: one list for both forms, the data dictionary and the docs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from edge.notes import DOUBTS


class Kind(StrEnum):
    """Type of a column; the values are Arrow's names."""

    TIME = "timestamp[ms, UTC]"
    SHORT = "int16"
    INTEGER = "int32"
    LONG = "int64"
    NUMBER = "double"
    TEXT = "string"


class Column(NamedTuple):
    """One column. `event`: whether rows without a face have a value there."""

    name: str
    kind: Kind
    meaning: str
    event: bool = False


#: Stands for one column of each expression that the model knows.
EACH_LABEL = "p_<label>"

#: Without `device` and `date`, which are the names of the folders (see `FOLDERS`).
COLUMNS = (
    Column("time", Kind.TIME, "when the picture was taken, UTC", event=True),
    Column(
        "utc_offset_min",
        Kind.SHORT,
        "minutes by which the device's local time was ahead of UTC; `date` is of local time",
        event=True,
    ),
    Column("face", Kind.LONG, "number of a visit, never used twice on a device; not a person"),
    Column("emotion", Kind.TEXT, "the most probable expression; what a face shows, not a feeling"),
    Column(
        "confidence",
        Kind.NUMBER,
        "its probability, 0 to 1, smoothed with a time constant of half a second",
    ),
    Column(
        EACH_LABEL,
        Kind.NUMBER,
        "probability of each expression that the model knows, 0 to 1; together 1."
        " Absent, or null, for models that do not know it",
    ),
    Column("x", Kind.INTEGER, "left edge of the face, pixels of the picture"),
    Column("y", Kind.INTEGER, "upper edge of the face, pixels"),
    Column("width", Kind.INTEGER, "width of the face, pixels"),
    Column("height", Kind.INTEGER, "height of the face, pixels"),
    Column(
        "note",
        Kind.TEXT,
        "why a reading is doubtful, words separated by spaces: `clock` (the device did not know the"
        f" time), {', '.join(f'`{note}`' for note in DOUBTS)}; empty if it is not",
        event=True,
    ),
    Column(
        "event",
        Kind.TEXT,
        "null for a reading; else what happened: `paused`, `resumed`, `model …`, `raised:<alert>`,"
        " `cleared:<alert>`, `snoozed:<alert>`",
        event=True,
    ),
    Column(
        "model",
        Kind.TEXT,
        "first 12 hex digits of the SHA-256 of the card of the model that made the reading;"
        " `_models/` has the card. Null where the diary does not say",
        event=True,
    ),
    Column(
        "interval_s", Kind.NUMBER, "seconds between two readings of a face; null likewise", True
    ),
)

_NAMES = [column.name for column in COLUMNS]
#: Where these are among a row's values, from the front and from the back.
FACE, EVENT, MODEL = _NAMES.index("face"), _NAMES.index("event") - len(_NAMES), -2

#: The columns that a reader takes from the names of the folders, `device=…/date=…`.
FOLDERS = (
    Column("device", Kind.TEXT, "name of the device, as in MQTT topics", event=True),
    Column("date", Kind.TEXT, "day in the device's local time, YYYY-MM-DD", event=True),
)


def columns_for(labels: Iterable[str]) -> Iterator[Column]:
    """Yield the columns of a file for a model with these labels, in order."""
    for column in COLUMNS:
        if column.name == EACH_LABEL:
            yield from (column._replace(name=f"p_{label}") for label in labels)
        else:
            yield column
