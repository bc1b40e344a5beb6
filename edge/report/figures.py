"""The figures of a report: what was seen, hour by hour and day by day. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from edge.config.alerts import NEGATIVE
from edge.diary.hour import Hour
from edge.diary.shares import daily_shares
from edge.report.usual import Week, last_week


@dataclass(frozen=True)
class Span:
    """What was seen in an hour, a day or more; `counts` without doubtful readings."""

    counts: Mapping[str, int]
    face_s: int = 0
    watched_s: int = 0
    paused_s: int = 0
    raised: Mapping[str, int] = field(default_factory=dict)
    models: tuple[str, ...] = ()

    @property
    def readings(self) -> int:
        """How many readings there are."""
        return sum(self.counts.values())

    @property
    def alerts(self) -> int:
        """How many alerts were raised."""
        return sum(self.raised.values())

    @property
    def negative(self) -> float | None:
        """The negative share of the readings, 0 to 1; None without a reading."""
        return self.share(*NEGATIVE)

    def share(self, *labels: str) -> float | None:
        """Return the share of readings that had one of `labels`; None without any."""
        total = self.readings
        return sum(self.counts.get(label, 0) for label in labels) / total if total else None


class Cell(NamedTuple):
    """One hour of one day in the raster."""

    day: date
    hour: int
    span: Span


@dataclass(frozen=True)
class Figures:
    """All that a report shows. `days` has every day of the report, the last one may not be over.

    `min_s`: seconds of faces from which on a day counts. `labels` in the model's order.
    """

    device: str
    days: Mapping[date, Span]
    cells: tuple[Cell, ...]
    total: Span
    week: Week
    labels: tuple[str, ...]
    min_s: float

    def counts(self, day: date) -> bool:
        """Return whether enough was seen on `day`."""
        return self.days[day].face_s >= self.min_s and self.days[day].readings > 0

    @property
    def begin(self) -> date:
        """The first day."""
        return min(self.days)

    @property
    def end(self) -> date:
        """The last day."""
        return max(self.days)


def joined(spans: Iterable[Span]) -> Span:
    """Return the sum of `spans`."""
    counts: Counter[str] = Counter()
    raised: Counter[str] = Counter()
    face_s = watched_s = paused_s = 0
    models: dict[str, None] = {}
    for span in spans:
        counts.update(span.counts)
        raised.update(span.raised)
        face_s, watched_s = face_s + span.face_s, watched_s + span.watched_s
        paused_s += span.paused_s
        models |= dict.fromkeys(span.models)
    return Span(dict(counts), face_s, watched_s, paused_s, dict(raised), tuple(models))


def collect(
    hours: Iterable[Hour],
    today: date,
    *,
    days: int,
    device: str,
    labels: tuple[str, ...],
    min_minutes: float,
) -> Figures:
    """Return the figures of the `days` days that end with `today`.

    `hours` reach back further, to say what is usual. Labels that only they have come last.
    """
    cells: defaultdict[tuple[date, int], list[Span]] = defaultdict(list)
    known = list(hours)
    for hour in known:
        seconds = (hour.face_s, hour.watched_s, hour.paused_s)
        span = Span(hour.counts, *seconds, hour.raised, hour.models)
        cells[hour.start.date(), hour.start.hour].append(span)
    by_day: defaultdict[date, list[Span]] = defaultdict(list)
    for (day, _), spans in sorted(cells.items()):
        by_day[day] += spans
    every = {day: joined(spans) for day, spans in by_day.items()}
    shown = [today - timedelta(days=back) for back in reversed(range(days))]
    shares = daily_shares(known, 60 * min_minutes)
    seen = joined(every[day] for day in shown if day in every)
    return Figures(
        device=device,
        days={day: every.get(day, Span({})) for day in shown},
        cells=tuple(
            Cell(day, hour, joined(spans))
            for (day, hour), spans in sorted(cells.items())
            if shown[0] <= day <= today
        ),
        total=seen,
        week=last_week(shares, today),
        labels=(*labels, *sorted(set(seen.counts) - set(labels))),
        min_s=60 * min_minutes,
    )
