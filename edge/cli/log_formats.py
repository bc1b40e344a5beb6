"""Rows of the diary as text, as CSV and as JSON; each yields lines with their ends.

CSV and JSON have the same columns in every row, whichever model wrote it: absent ones are empty in
CSV and null in JSON.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import NamedTuple

from edge.diary.schema import CONFIDENCE, EMOTION, NOTE, Row
from edge.diary.values import FIRST, LAST

_TEXTS = {"time", "emotion", "note"}
_WHOLE = {"face", *LAST} - _TEXTS
#: What JSON has for each column of a row, so that nearly all rows need no parsing.
_PATTERNS = {
    **dict.fromkeys(_TEXTS, r'[^",\\]*'),
    **dict.fromkeys(_WHOLE, r"(?:0|-?[1-9]\d*)"),
}
_NUMBER = r"-?(?:0|[1-9]\d*)(?:\.\d+)?"
log = logging.getLogger(__name__)


def text(rows: Iterable[Row]) -> Iterator[str]:
    """Yield `2026-03-01 12:00:00  face 3    happy      87%  (neutral 9%)      dark`."""
    for row in rows:
        values = row.values
        stamp, emotion, note = values[0][:19].replace("T", " "), values[EMOTION], values[NOTE]
        if row.face is None:
            yield f"{stamp}  {note or emotion}\n"
            continue
        confidence = float(values[CONFIDENCE])
        line = f"{stamp}  face {row.face:<4} {emotion:<9} {confidence:>4.0%}  {_second(row):<16}"
        yield f"{line} {note}".rstrip() + "\n"


def _second(row: Row) -> str:
    """Return the second most likely expression, `(neutral 9%)`; empty if there is none."""
    at = slice(len(FIRST), -len(LAST))
    found = [
        (float(value), name)
        for name, value in zip(row.header[at], row.values[at], strict=True)
        if name[2:] != row.values[EMOTION]
    ]
    if not found:
        return ""
    share, name = max(found, key=itemgetter(0))
    return f"({name[2:]} {share:.0%})"


def csv(rows: Iterable[Row], columns: tuple[str, ...]) -> Iterator[str]:
    """Yield one header and the rows under it, CRLF as in the diary.

    A row with expressions that are not among `columns` loses them, which is logged once.
    """
    yield ",".join(columns) + "\r\n"
    places: dict[tuple[str, ...], tuple[int | None, ...]] = {}
    for row in rows:
        if row.header == columns:
            yield ",".join(row.values) + "\r\n"
            continue
        if row.header not in places:
            _warn_of_left_out(row.header, columns)
            at = {name: place for place, name in enumerate(row.header)}
            places[row.header] = tuple(at.get(name) for name in columns)
        values = (("" if at is None else row.values[at]) for at in places[row.header])
        yield ",".join(values) + "\r\n"


def _warn_of_left_out(header: tuple[str, ...], columns: tuple[str, ...]) -> None:
    if missing := set(header) - set(columns):
        log.warning(
            "a new model writes %s, which the header above lacks; start again to have them",
            ", ".join(sorted(missing)),
        )


def json_object(rows: Iterable[Row], columns: tuple[str, ...]) -> Iterator[str]:
    """Yield, piece by piece, one object `{"rows": [...]}`; an event's numbers are null."""
    forms: dict[tuple[str, ...], _Form] = {}
    between = '{"rows": ['
    for row in rows:
        form = forms.get(row.header)
        if form is None:
            form = forms[row.header] = _form(row.header, columns)
        if form.plain.fullmatch(",".join(row.values)):
            yield between + form.template % row.values
        else:
            yield between + _with_nulls(row, columns)
        between = ",\n"
    yield ("" if between == ",\n" else between) + "]}\n"


class _Form(NamedTuple):
    """For one model's rows: which are plain, and what such a row is in JSON (`%` its values)."""

    plain: re.Pattern[str]
    template: str


def _form(header: tuple[str, ...], columns: tuple[str, ...]) -> _Form:
    plain = ",".join(_PATTERNS.get(name, _NUMBER) for name in header)
    fields = [
        json.dumps(name).replace("%", "%%") + ": " + ('"%s"' if name in _TEXTS else "%s")
        for name in header
    ]
    absent = [json.dumps(name).replace("%", "%%") + ": null" for name in columns]
    absent = [field for field, name in zip(absent, columns, strict=True) if name not in header]
    return _Form(re.compile(plain), "{" + ", ".join(fields + absent) + "}")


def _with_nulls(row: Row, columns: tuple[str, ...]) -> str:
    """Return in JSON a row that is not plain: an event has no numbers."""
    found = dict.fromkeys(columns) | {
        name: value if name in _TEXTS else _number(value, whole=name in _WHOLE)
        for name, value in zip(row.header, row.values, strict=True)
    }
    return json.dumps(found)


def _number(value: str, *, whole: bool) -> float | None:
    if not value:
        return None
    return int(value) if whole else float(value)
