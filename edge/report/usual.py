"""What is usual here, and how the last seven days compare with it. Pure.

The days, and how many of each there must be, are those of the alert `trend` (`edge.alerts.trend`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from edge.alerts import trend

#: The usual range holds the middle eight of ten days. Its upper end is 1.3 deviations above the
#: mean; a whole week there is a change of about 3, the limit of the alert `trend`.
LOW, HIGH = 0.1, 0.9


class Verdict(StrEnum):
    """How the last seven days compare."""

    MORE = "more than usual"
    LESS = "less than usual"
    USUAL = "as usual"


class Usual(NamedTuple):
    """The usual range of the daily negative share, 0 to 1, from `days` days."""

    low: float
    high: float
    days: int


class Week(NamedTuple):
    """The mean of the last seven days' shares, 0 to 1, of the `days` that count.

    `usual` is None while there are too few days before, `share` while there are too few in the
    week; then there is no `verdict`.
    """

    share: float | None
    days: int
    usual: Usual | None
    usual_days: int

    @property
    def verdict(self) -> Verdict | None:
        """How the share compares with the usual range."""
        if self.share is None or self.usual is None:
            return None
        if self.share > self.usual.high:
            return Verdict.MORE
        return Verdict.LESS if self.share < self.usual.low else Verdict.USUAL


def last_week(shares: trend.Shares, today: date) -> Week:
    """Return how the seven days before `today` compare with the 56 before them."""
    recent, before = trend.recent_shares(shares, today), trend.usual_shares(shares, today)
    enough = len(recent) >= trend.LEAST_RECENT
    return Week(
        sum(recent) / len(recent) if enough else None,
        len(recent),
        usual_range(before) if len(before) >= trend.LEAST_USUAL else None,
        len(before),
    )


def usual_range(shares: Sequence[float]) -> Usual:
    """Return the range of the middle eight of ten of `shares`, at least one."""
    ordered = sorted(shares)
    return Usual(_quantile(ordered, LOW), _quantile(ordered, HIGH), len(ordered))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Interpolate between the nearest two, as numpy's default does."""
    at = share * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])
