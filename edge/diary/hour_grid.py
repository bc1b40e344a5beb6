"""Local hours on the clock, each by its beginning."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


def hour_of(time: datetime) -> datetime:
    """Return the beginning of the local hour of `time`."""
    return time.replace(minute=0, second=0, microsecond=0)


def hours_between(begin: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the beginning of every hour that has a part of the time from `begin` to `end`."""
    changed = begin.utcoffset() != end.utcoffset()  # by the zone of this machine
    start = hour_of(begin)
    while start < end:
        yield start
        start += HOUR
        if changed:
            start = start.astimezone()
