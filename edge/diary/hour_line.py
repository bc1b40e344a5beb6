"""A line of the table of hours, and its header: `daily` says what the columns are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from edge.diary.hour import Hour

_COLUMNS = ("hour", "watched_s", "face_s", "paused_s", "readings", "raised", "longest_s", "models")
_LABEL = "n_"


def columns_of(hours: Iterable[Hour]) -> tuple[str, ...]:
    """Return the columns that a table of these hours needs."""
    labels = dict.fromkeys(label for hour in hours for label in hour.counts)
    return (*_COLUMNS, *(_LABEL + label for label in labels))


def parse_header(line: str) -> tuple[str, ...]:
    """Return the columns; empty if `line` is not a header."""
    values = tuple(line.removeprefix("\ufeff").rstrip("\r\n").split(","))
    return values if values[: len(_COLUMNS)] == _COLUMNS else ()


def format_hour(hour: Hour, columns: tuple[str, ...]) -> str:
    """Return the line of an hour under these columns."""
    labels = (column.removeprefix(_LABEL) for column in columns[len(_COLUMNS) :])
    values = (
        hour.start.isoformat(timespec="minutes"),
        *(hour.watched_s, hour.face_s, hour.paused_s, hour.readings),
        *(_words(hour.raised), _words(hour.longest_s), " ".join(hour.models)),
        *(hour.counts.get(label, 0) for label in labels),
    )
    return ",".join(map(str, values)) + "\r\n"


def parse_hour(columns: tuple[str, ...], line: str) -> Hour | None:
    """Return the hour in `line`, which has its end, under these columns; None if it is torn."""
    values = line.rstrip("\r\n").split(",")
    if len(values) != len(columns) or not line.endswith("\n"):
        return None
    try:
        start = datetime.fromisoformat(values[0])
        watched_s, face_s, paused_s, readings = map(int, values[1:5])
        raised, longest_s = map(_mapping, values[5:7])
        labels = (column.removeprefix(_LABEL) for column in columns[len(_COLUMNS) :])
        found = zip(labels, map(int, values[len(_COLUMNS) :]), strict=True)
        counts = {label: count for label, count in found if count}
    except ValueError:
        return None
    if start.tzinfo is None:
        return None
    models = tuple(values[7].split())
    return Hour(start, watched_s, face_s, paused_s, readings, raised, longest_s, models, counts)


def _words(values: Mapping[str, int]) -> str:
    return " ".join(f"{name}:{value}" for name, value in values.items())


def _mapping(words: str) -> dict[str, int]:
    pairs = (word.rpartition(":") for word in words.split())
    return {name: int(value) for name, _, value in pairs}
