"""What the values of a row must be, and what is wrong with one that is not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

FIRST = ("time", "face", "emotion", "confidence")
LAST = ("x", "y", "width", "height", "note")
_FACE, _NUMBER, _PIXELS = r"\d{1,10}", r"(?:0(?:\.\d+)?|1(?:\.0+)?)", r"-?\d{1,9}"
#: The same as the writer writes it.
_WRITTEN = r"(?:0\.\d{4}|1\.0000)"
_WANTED = {
    _FACE: "the number of a face",
    _NUMBER: "a number from 0 to 1",
    _PIXELS: "a whole number of pixels",
}
#: Files of this many models are read without compiling a pattern again.
_MODELS = 16


def labels_of(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the expressions that a header names, in its order."""
    return tuple(name.removeprefix("p_") for name in columns[len(FIRST) : -len(LAST)])


@lru_cache(_MODELS)
def reading(columns: tuple[str, ...]) -> re.Pattern[str]:
    """Return what a reading's line, without its end, must match: a group for each column.

    Whether the first one is a time is left to whoever parses it.
    """
    return re.compile(",".join(f"({each})" for each in _patterns(columns)), re.ASCII)


@lru_cache(_MODELS)
def written(columns: tuple[str, ...]) -> re.Pattern[str]:
    """Return what the lines of a text match that are as the writer writes them, with `\\n` ends.

    The groups are hour, second (`:04:05`), zone, face (empty for an event), emotion and note.
    """
    labels = len(labels_of(columns))
    numbers = ",".join([_WRITTEN] * (1 + labels) + [_PIXELS] * 4)
    row = rf"({_FACE}),({_emotion(columns)}),{numbers}"
    event = rf",{{{len(columns) - 3}}}(?=,[^\n])"
    time = r"(.{13})(:[0-5]\d:[0-5]\d)\.\d{3}(.{6})"
    return re.compile(rf"^{time},(?:{row}|{event}),([^,\n]*)$", re.ASCII | re.MULTILINE)


def fault(columns: tuple[str, ...], values: Sequence[str]) -> str:
    """Return which value of a reading or an event is wrong; empty if its time is.

    `values` are as many as `columns`.
    """
    if not values[1]:  # an event
        if odd := next(
            (name for name, value in zip(columns[2:-1], values[2:-1], strict=True) if value), ""
        ):
            return f"{odd}: a row without a face has no value there"
        return "" if values[-1] else "neither a face nor an event's note"
    for name, value, pattern in zip(columns[1:], values[1:], _patterns(columns)[1:], strict=True):
        if not re.fullmatch(pattern, value, re.ASCII):
            wanted = _WANTED.get(pattern, "an expression of this file's header")
            return f"{name}: '{value:.40}' is not {wanted}"
    return ""


def _patterns(columns: tuple[str, ...]) -> list[str]:
    """Return what the value of each column of a reading must match."""
    numbers = [_NUMBER] * (1 + len(labels_of(columns)))
    return ["[^,]+", _FACE, _emotion(columns), *numbers, *[_PIXELS] * 4, "[^,]*"]


def _emotion(columns: tuple[str, ...]) -> str:
    return f"(?:{'|'.join(map(re.escape, labels_of(columns)))})"
