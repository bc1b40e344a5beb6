"""The figures of `fer-edge summary`: the hours of the diary, by hour, day or week. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from edge.diary.hour import Hour
from edge.diary.shares import daily_shares
from edge.report.figures import Span, joined
from edge.report.usual import Usual, last_week


class By(StrEnum):
    """What one line of a summary is about."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    FACE = "face"


class Stretch(NamedTuple):
    """The longest time in which one face showed only this, within the hour that begins `hour`."""

    seconds: int
    hour: datetime


@dataclass(frozen=True)
class Period:
    """One line; `name` is its hour, its day, the Monday of its week, or empty for all of it.

    `readings` are all of them, `span.readings` those without a doubt, which the shares are of.
    """

    name: str
    span: Span
    readings: int
    longest: Mapping[str, Stretch]


@dataclass(frozen=True)
class Summary:
    """All lines, their sum, and the usual range of a day's negative share, if it is known."""

    total: Period
    periods: tuple[Period, ...]
    usual: Usual | None


def summarise(hours: Iterable[Hour], by: By) -> tuple[Period, tuple[Period, ...]]:
    """Return the sum of `hours`, and a line for each period that has any, in order."""
    every = list(hours)
    groups: dict[str, list[Hour]] = {}
    for hour in every:
        groups.setdefault(_name(hour.start, by), []).append(hour)
    return _period("", every), tuple(_period(name, found) for name, found in groups.items())


def usual(hours: Iterable[Hour], today: date, min_minutes: float) -> Usual | None:
    """Return the usual range from the hours of the weeks before the last seven days."""
    return last_week(daily_shares(hours, 60 * min_minutes), today).usual


def _name(start: datetime, by: By) -> str:
    if by is By.HOUR:
        return start.isoformat(timespec="minutes")
    day = start.date()
    return (day - timedelta(days=day.weekday() if by is By.WEEK else 0)).isoformat()


def _period(name: str, hours: list[Hour]) -> Period:
    longest: dict[str, Stretch] = {}
    for hour in hours:
        for label, seconds in hour.longest_s.items():
            if label not in longest or seconds > longest[label].seconds:
                longest[label] = Stretch(seconds, hour.start)
    readings = sum(hour.readings for hour in hours)
    return Period(name, joined(map(_span, hours)), readings, longest)


def _span(hour: Hour) -> Span:
    seconds = (hour.face_s, hour.watched_s, hour.paused_s)
    return Span(hour.counts, *seconds, hour.raised, hour.models)
