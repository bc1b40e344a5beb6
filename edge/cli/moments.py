"""Moments on the command line: `2h30m` ago, `today`, a date, a time of day, ISO 8601."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, date, datetime, time, timedelta

from edge.errors import UsageError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(?:\d{1,9}[smhdw])+")
_PART = re.compile(r"(\d+)([smhdw])")
_DAYS_AGO = {"today": 0, "yesterday": 1}
#: What a span that reaches back before the calendar begins at.
BEGINNING = datetime(1, 1, 3, tzinfo=UTC)


def moment(text: str) -> datetime:
    """Return a moment with its UTC offset; for argparse.

    A duration is that long before now; a date, `today` and `yesterday` are its 00:00, local time.
    """
    now = datetime.now().astimezone()
    if _DURATION.fullmatch(text):
        return _before(now, text)
    try:
        if text in _DAYS_AGO:
            day = now.date() - timedelta(days=_DAYS_AGO[text])
        elif re.fullmatch(r"\d\d?:\d\d(:\d\d)?", text):
            return datetime.combine(now.date(), time.fromisoformat(text.zfill(5))).astimezone()
        elif re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            day = date.fromisoformat(text)
        else:
            found = datetime.fromisoformat(text)
            return found if found.tzinfo else found.astimezone()
        return datetime.combine(day, time.min).astimezone()
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(
            f"invalid time '{text}': write a duration such as 30m, 2h30m or 7d, a date such as"
            " 2026-03-01, a time such as 14:30, today or yesterday"
        ) from error


def _before(now: datetime, duration: str) -> datetime:
    parts = {"weeks": 0, "days": 0, "hours": 0, "minutes": 0, "seconds": 0}
    for number, unit in _PART.findall(duration):
        parts[_UNITS[unit]] += int(number)
    try:
        return max(now - timedelta(**parts), BEGINNING)
    except OverflowError:
        return BEGINNING


def in_order(since: datetime | None, until: datetime | None) -> None:
    """Raise `UsageError` where nothing can lie between the two."""
    if since is not None and until is not None and since >= until:
        raise UsageError("--since must be before --until")


def midnight(text: str) -> datetime:
    """Return 00:00, local time, of a date, `today` or `yesterday`; for argparse."""
    if text not in _DAYS_AGO and not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise argparse.ArgumentTypeError(
            f"invalid date '{text}': write one such as 2026-03-01, today or yesterday"
        )
    return moment(text)
