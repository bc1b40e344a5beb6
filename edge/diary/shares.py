"""The negative share of the readings of each day on which enough was seen: from hours to days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from edge.diary.hour import Hour


def daily_shares(hours: Iterable[Hour], min_s: float) -> dict[date, float]:
    """Return the share, 0 to 1, of each local day with `min_s` or more seconds of faces.

    Left out are days without a reading whose quality was beyond doubt, and days that another model
    than the last one has read: what two models call negative cannot be compared.
    """
    days: defaultdict[date, list[Hour]] = defaultdict(list)
    for hour in hours:
        days[hour.start.date()].append(hour)
    last = _last_model(days)
    shares = {}
    for day, of_day in sorted(days.items()):
        good = sum(hour.good for hour in of_day)
        models = {model for hour in of_day for model in hour.models}
        if good and models <= {last} and sum(hour.face_s for hour in of_day) >= min_s:
            shares[day] = sum(hour.negative for hour in of_day) / good
    return shares


def _last_model(days: dict[date, list[Hour]]) -> str:
    for day in sorted(days, reverse=True):
        for hour in sorted(days[day], key=lambda hour: hour.start, reverse=True):
            if hour.models:
                return hour.models[-1]
    return ""
