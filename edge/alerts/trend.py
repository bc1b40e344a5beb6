"""An alert on a change from the usual here: more negative readings in the last week than before.

The comparison is the difference of two means in units of its standard error, as in a two-sample
t-test with the deviation of the longer, earlier span: `change`. Whether the alert is raised follows
from the shares alone, so nothing has to survive a restart: `standing`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple, TypeAlias

from edge.alert_state import RuleState, WindowState
from edge.alerts.episodes import about_open
from edge.records import Alert, AlertEvent, Frame, Reading

#: The negative share of the readings, 0 to 1, of each day on which enough was seen.
Shares: TypeAlias = Mapping[date, float]

#: Days that are judged, days before them that say what is usual, and how many of each must be
#: among the shares.
RECENT_DAYS, USUAL_DAYS = 7, 56
LEAST_RECENT, LEAST_USUAL = 4, 21
#: The change above which it is raised; what follows from it: `python -m tests.benchmarks.trend`.
LIMIT = 3.0
#: Days after it was raised during which it is not raised again.
SILENT_DAYS = 14
#: Days that are replayed to find when it was raised last.
RECALL_DAYS = 365
#: The least deviation that is believed: shares alike to the last digit would make any change large.
LEAST_DEVIATION = 0.01
_DAY = timedelta(days=1)


class Change(NamedTuple):
    """The last 7 days against the up to 56 before them; means of their daily shares, 0 to 1."""

    recent: float
    usual: float
    recent_days: int
    usual_days: int
    deviation: float

    @property
    def size(self) -> float:
        """The difference in standard errors: above 0 there was more than usual."""
        error = self.deviation * math.sqrt(1 / self.recent_days + 1 / self.usual_days)
        return (self.recent - self.usual) / error


class Standing(NamedTuple):
    """Whether the alert is raised, and since which day; the change on the day asked about."""

    since: date | None
    change: Change | None


def recent_shares(shares: Shares, today: date) -> list[float]:
    """Return the shares of the last 7 days before `today`, which is not over."""
    return _between(shares, today - RECENT_DAYS * _DAY, RECENT_DAYS)


def usual_shares(shares: Shares, today: date) -> list[float]:
    """Return the shares of the 56 days before those."""
    return _between(shares, today - (RECENT_DAYS + USUAL_DAYS) * _DAY, USUAL_DAYS)


def change(shares: Shares, today: date) -> Change | None:
    """Return the change that is seen on `today`; None where there are too few days."""
    recent, usual = recent_shares(shares, today), usual_shares(shares, today)
    if len(recent) < LEAST_RECENT or len(usual) < LEAST_USUAL:
        return None
    deviation = max(_deviation(usual), LEAST_DEVIATION)
    return Change(_mean(recent), _mean(usual), len(recent), len(usual), deviation)


def standing(shares: Shares, today: date) -> Standing:
    """Return whether the alert is raised on `today`, by the shares of the days before."""
    past = [day for day in shares if day < today]
    if not past:
        return Standing(None, None)
    begin = max(min(past), today - RECALL_DAYS * _DAY)
    return list(standings(shares, begin, today))[-1][1]


def standings(shares: Shares, begin: date, end: date) -> Iterator[tuple[date, Standing]]:
    """Yield each day from `begin` to `end` and how the alert stands on it.

    It is raised on the first day with a change above `LIMIT`, cleared on the first one without,
    and for `SILENT_DAYS` after it was raised not raised again. Days that tell nothing change
    nothing.
    """
    since: date | None = None
    day = silent_until = begin
    while day <= end:
        found = change(shares, day)
        if found is not None and found.size <= LIMIT:
            since = None
        elif found is not None and since is None and day >= silent_until:
            since, silent_until = day, day + SILENT_DAYS * _DAY
        yield day, Standing(since, found)
        day += _DAY


def _mean(shares: Sequence[float]) -> float:
    return math.fsum(shares) / len(shares)


def _deviation(shares: Sequence[float]) -> float:
    mean = _mean(shares)
    return math.sqrt(math.fsum((share - mean) ** 2 for share in shares) / (len(shares) - 1))


def _between(shares: Shares, begin: date, days: int) -> list[float]:
    each = (begin + number * _DAY for number in range(days))
    return [shares[day] for day in each if day in shares]


class Daily(NamedTuple):
    """Where the shares come from, and the `emotions` that count as negative in them.

    `before` returns, at once, the shares of the days before a date, or None: to ask again soon.
    """

    emotions: tuple[str, ...]
    before: Callable[[date], Shares | None]


class TrendRule:
    """Asks `daily` once a day, and raises or clears the alert by what it says."""

    negative = share = None

    def __init__(
        self, name: str, daily: Daily, new_id: Callable[[], str], state: RuleState | None = None
    ) -> None:
        self.name = name
        self._daily, self._new_id = daily, new_id
        self._episode = next((window.episode for window in state.windows), None) if state else None
        self._judged: date | None = None

    def expire(self, _away_s: float, _away_from_s: float, _time: datetime) -> list[Alert]:
        """Return nothing: it is about days."""
        return []

    def resume(self, _shift_s: float, _away_s: float) -> None:
        """Do nothing: it knows no times."""

    def update(self, frame: Frame, _readings: Collection[Reading]) -> list[Alert]:
        """Return the alert raised or cleared on this day, at the first frame that can tell."""
        today = frame.time.date()
        if today == self._judged or not frame.clock_ok:
            return []
        shares = self._daily.before(today)
        if shares is None:
            return []
        self._judged = today
        found = standing(shares, today)
        if (found.since is None) == (self._episode is None):
            return []
        event = AlertEvent.CLEARED if found.since is None else AlertEvent.RAISED
        if event is AlertEvent.RAISED:
            self._episode = self._new_id()
        reason = _reason(event, found.change)
        alerts = about_open(self.state(), event, frame.time, reason, self._new_id)
        if event is AlertEvent.CLEARED:
            self._episode = None
        return alerts

    @property
    def raised(self) -> bool:
        """Whether the alert is raised."""
        return self._episode is not None

    def state(self) -> RuleState:
        """Return what must survive a restart: which episode its end belongs to."""
        windows = (WindowState(None, episode=self._episode),) if self._episode else ()
        return RuleState(self.name, self._daily.emotions, RECENT_DAYS * 86400.0, windows)


def _reason(event: AlertEvent, found: Change | None) -> str:
    if found is None:
        return "too few days to compare"
    what = "a change from the usual here" if event is AlertEvent.RAISED else "as usual here again"
    return (
        f"{what}: {found.recent:.0%} of a day's readings were negative in the last"
        f" {RECENT_DAYS} days, {found.usual:.0%} in the {found.usual_days} days before"
    )
