"""The alert on a week that differs from those before it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, timedelta
from statistics import fmean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.alert_state import Episode
from edge.alerts import trend
from edge.alerts.episodes import with_episodes
from edge.alerts.rules import Rules
from edge.alerts.trend import Daily
from edge.records import Alert, Frame
from tests.benchmarks.trend import measure
from tests.support.samples import START, frame

NEGATIVE = ("angry", "sad")
TODAY = START.date()


def days(*shares: float | None) -> dict[date, float]:
    """Shares of the days before `TODAY`, the last one first; None: a day without enough faces."""
    return {
        TODAY - timedelta(days=back): share
        for back, share in enumerate(shares, start=1)
        if share is not None
    }


#: 56 ordinary days, deviation about 0.05.
USUAL = [0.15, 0.2, 0.25, 0.2, 0.13, 0.27, 0.2] * 8


def later(days: float, *, clock_ok: bool = True) -> Frame:
    """A frame that many days after `START`, at whose time of day a frame of `TODAY` comes."""
    return frame(days * 86400, clock_ok=clock_ok)


def played(shares: Mapping[date, float], at: list[float], state: Rules | None = None) -> list[str]:
    """What happens at frames that many days after `TODAY`, after a restart from `state`."""
    rules = Rules(
        [], state=state.state() if state else None, daily=Daily(NEGATIVE, lambda _: shares)
    )
    return [f"{day:g} {alert.event_type}" for day in at for alert in rules.update(later(day), [])]


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=7, max_size=7),
    st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=56, max_size=56),
)
def test_change_is_the_difference_of_the_means_in_standard_errors(
    recent: list[float | None], usual: list[float | None]
) -> None:
    found = trend.change(days(*recent, *usual), TODAY)
    new = [share for share in recent if share is not None]
    old = [share for share in usual if share is not None]
    if len(new) < 4 or len(old) < 21:
        assert found is None
        return
    assert found is not None
    error = max(stdev(old), 0.01) * math.sqrt(1 / len(new) + 1 / len(old))
    assert found.size == pytest.approx((fmean(new) - fmean(old)) / error, abs=1e-6)


def test_days_before_the_63_and_today_do_not_count() -> None:
    shares = days(*[0.3] * 7, *USUAL)
    without = trend.change(shares, TODAY)
    assert trend.change(shares | days(*[None] * 63, 0.9, 0.9) | {TODAY: 0.9}, TODAY) == without


def test_a_week_above_the_usual_raises_and_a_usual_week_clears() -> None:
    assert played(days(*[0.2] * 7, *USUAL), [0]) == []
    more = days(*[0.35] * 7, *USUAL)
    assert played(more, [0]) == ["0 raised"]
    assert played(days(*[0.05] * 7, *USUAL), [0]) == [], "less than usual is not an alert"
    # A usual week follows.
    after = more | {TODAY + timedelta(days=day): 0.2 for day in range(10)}
    assert played(after, [0, 0.1, 1, 2, 7, 8]) == ["0 raised", "7 cleared"]


def test_it_is_silent_for_14_days_after_it_was_raised() -> None:
    shares = days(*USUAL)
    begin = TODAY
    raised = []
    level = [0.45] * 3 + [0.2] * 6 + [0.5] * 30
    for number, share in enumerate(level):
        shares[begin + timedelta(days=number)] = share
    before: date | None = None
    for day, found in trend.standings(shares, min(shares), begin + timedelta(days=len(level))):
        if found.since == day and before is None:
            raised.append((day - begin).days)
        before = found.since
    # Three days are enough for the first; the others only begin when 14 days are over.
    assert len(raised) == 2
    assert raised[1] - raised[0] >= 14
    last = begin + timedelta(days=raised[1])
    assert trend.standing(shares, last).since == last


def test_a_restart_neither_repeats_nor_forgets_it() -> None:
    shares = days(*[0.35] * 7, *USUAL)
    daily = Daily(NEGATIVE, lambda _: shares)
    rules = Rules([], daily=daily)
    (raised,) = rules.update(later(0), [])
    assert rules.raised() == {"trend": True}
    again = Rules([], state=rules.state(), daily=daily)
    assert again.update(later(0.5), []) == ()
    assert again.raised() == {"trend": True}
    # The broker's memory of what is raised is enough, too: its end has the same episode.
    left = Episode("trend", None, raised.episode, NEGATIVE, 7 * 86400.0)
    usual = Daily(NEGATIVE, lambda _: days(*[0.2] * 7, *USUAL))
    (cleared,) = Rules([], state=with_episodes([left]), daily=usual).update(later(0), [])
    assert (cleared.event_type, cleared.episode) == ("cleared", raised.episode)
    (retired,) = Rules([], state=with_episodes([left])).update(later(0), [])
    assert retired.event_type == "cleared", "switched off while it was raised"


def test_what_it_says() -> None:
    daily = Daily(NEGATIVE, lambda _: days(*[0.35] * 7, *USUAL))
    (alert,) = Rules([], daily=daily).update(later(0), [])
    assert (alert.name, alert.face, alert.count, alert.window_s) == ("trend", None, 0, 604800)
    assert alert.emotions == NEGATIVE
    assert str(alert) == (
        "alert 'trend' raised: a change from the usual here: 35% of a day's readings were negative"
        " in the last 7 days, 20% in the 56 days before"
    )


def test_it_asks_once_a_day_and_only_by_a_clock_that_is_right() -> None:
    asked: list[date] = []
    answers: list[Mapping[date, float] | None] = [None, None, {}]

    def before(day: date) -> Mapping[date, float] | None:
        asked.append(day)
        return answers.pop(0) if answers else {}

    rules = Rules([], daily=Daily(NEGATIVE, before))

    def count(*frames: Frame) -> int:
        asked.clear()
        found: list[Alert] = [alert for frame in frames for alert in rules.update(frame, [])]
        assert not found
        return len(asked)

    assert count(later(0, clock_ok=False)) == 0
    assert count(later(0), later(0.001), later(0.002)) == 3, "until there is an answer"
    assert count(later(0.003), later(0.004)) == 0
    assert count(later(1), later(1.1)) == 1


def test_too_few_days_raise_nothing_and_clear_nothing() -> None:
    raised = Rules([], daily=Daily(NEGATIVE, lambda _: days(*[0.35] * 7, *USUAL)))
    raised.update(later(0), [])
    gone = days(*[0.35] * 7, *USUAL)
    assert played(gone, [4.5], raised) == [], "a camera that was off for four days"
    assert played({}, [0], raised) == ["0 cleared"], "a table that was deleted"
    assert played(days(*[0.9] * 7, *USUAL[:20]), [0]) == [], "20 days are not enough"


def test_simulated_homes() -> None:
    """A small run of `python -m tests.benchmarks.trend`, whose figures the documentation states."""
    figures = measure(homes=60, seed=1)
    assert figures.false_in_100_days <= 1.0
    assert figures.median_days <= 7
    assert figures.found_within(14) >= 0.80
