"""A report in words: its sentences, and for each picture what it shows. Pure."""

from __future__ import annotations

from datetime import date

from edge.alerts.trend import LEAST_RECENT, LEAST_USUAL, RECENT_DAYS, USUAL_DAYS
from edge.report.figures import Figures

#: Between a number and its unit, which belong on one line.
_SPACE = "\N{NO-BREAK SPACE}"


def percent(share: float | None) -> str:
    """Return a share as a whole number of percent."""
    return "–" if share is None else f"{100 * share:.0f}{_SPACE}%"


def hours(seconds: float) -> str:
    """Return a time as hours, one below an hour as minutes."""
    if seconds < 3570:
        return f"{seconds / 60:.0f}{_SPACE}min" if not 0 < seconds <= 30 else f"<1{_SPACE}min"
    found = seconds / 3600
    return f"{found:.1f}{_SPACE}h" if found < 9.95 else f"{found:.0f}{_SPACE}h"


def day(one: date) -> str:
    """Return a date as people write it."""
    return f"{one.day}{_SPACE}{one:%B} {one.year}"


def days(count: int) -> str:
    """Return a number of days."""
    return _counted(count, "day")


def title(figures: Figures) -> str:
    """Return the heading."""
    begin, end = figures.begin, figures.end
    if begin == end:
        return f"Expressions on {day(end)}"
    short = f"{begin.day}{_SPACE}{begin:%B}"
    return f"Expressions, {short if begin.year == end.year else day(begin)} to {day(end)}"


def headline(figures: Figures) -> str:
    """Return the report's first sentence: the last week, and what is usual here."""
    week = figures.week
    if not figures.total.readings:
        return f"Nothing was read in {_these(figures)}."
    if week.share is None:
        return (
            f"{percent(figures.total.negative)} of the readings in {_these(figures)} were"
            f" negative. In the last {RECENT_DAYS} days too little was seen for a comparison:"
            f" {days(week.days)} with {_enough(figures)}; {LEAST_RECENT} are needed."
        )
    found = (
        f"In the last {RECENT_DAYS} days {percent(week.share)} of a day’s readings were negative"
    )
    if week.usual is None or week.verdict is None:
        return (
            f"{found}. What is usual here is not known yet: that takes {LEAST_USUAL} earlier days"
            f" with {_enough(figures)}, and there are {week.usual_days}."
        )
    low, high = percent(week.usual.low).removesuffix(f"{_SPACE}%"), percent(week.usual.high)
    return f"{found}: {week.verdict}. Usual here is {low} to {high}."


def presence(figures: Figures) -> str:
    """Return how much was seen, and how many alerts there were."""
    seen = [span for span in figures.days.values() if span.face_s]
    watched = [span for span in figures.days.values() if span.watched_s]
    alerts = f"{figures.total.alerts or 'No'} alert{'' if figures.total.alerts == 1 else 's'}."
    if not watched and not seen:
        return f"Nothing was watched. {alerts}"
    if not seen:
        return f"Watched for {hours(figures.total.watched_s)} on {days(len(watched))}. {alerts}"
    mean = hours(figures.total.face_s / len(seen))
    on = f"on {len(seen)} of {days(len(figures.days))}"
    return f"Somebody was in view {mean} a day, {on}. {alerts}"


def alternatives(figures: Figures) -> dict[str, str]:
    """Return what each picture shows, by its name, for those who do not see it."""
    counted = {day: span for day, span in figures.days.items() if figures.counts(day)}
    if not counted:
        shares = "no day has enough readings."
    else:
        low = min(counted, key=lambda day: counted[day].negative or 0.0)
        high = max(counted, key=lambda day: counted[day].negative or 0.0)
        shares = (
            f"lowest {percent(counted[low].negative)} on {day(low)}, highest"
            f" {percent(counted[high].negative)} on {day(high)}; {days(len(counted))} of"
            f" {len(figures.days)} have enough readings."
        )
    usual = figures.week.usual
    band = f" The usual range is {percent(usual.low)} to {percent(usual.high)}." if usual else ""
    with_alerts = [day(one) for one, span in figures.days.items() if span.alerts]
    alerts = f" Alerts on {_listed(with_alerts)}." if with_alerts else " No alerts."
    total = figures.total
    ordered = sorted(figures.labels, key=lambda label: -total.counts.get(label, 0))
    shown = ", ".join(
        f"{label} {percent(total.share(label))}" for label in ordered if total.counts.get(label)
    )
    return {
        "negative": f"Line chart of the negative share of each day: {shares}{band}{alerts}",
        "raster": f"Grid of days and hours. {_rhythm(figures)} The table below has each day.",
        "expressions": f"Stacked bars, one a day. Over all days: {shown or 'no readings'}.",
        "in-view": f"Bars of the hours in view each day. {presence(figures)}",
    }


def _rhythm(figures: Figures) -> str:
    by_hour: dict[int, float] = {}
    for cell in figures.cells:
        by_hour[cell.hour] = by_hour.get(cell.hour, 0.0) + cell.span.face_s
    seen = sorted(hour for hour, seconds in by_hour.items() if seconds)
    if not seen:
        return "Nobody was in view."
    most = max(by_hour, key=lambda hour: by_hour[hour])
    return (
        f"Faces were seen between {seen[0]} h and {seen[-1] + 1} h, most from {most} to"
        f" {most + 1} h."
    )


def _listed(texts: list[str], most: int = 5) -> str:
    more = len(texts) - most
    return ", ".join(texts) if more <= 0 else f"{', '.join(texts[:most])} and {more} more days"


def _these(figures: Figures) -> str:
    return f"these {days(len(figures.days))}" if len(figures.days) > 1 else "this day"


def _enough(figures: Figures) -> str:
    return f"{figures.min_s / 60:g}{_SPACE}minutes of faces or more"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def usual_days() -> str:
    """Return which days say what is usual."""
    return f"the {USUAL_DAYS} days before the last {RECENT_DAYS}"
