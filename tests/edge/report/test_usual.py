"""What is usual here, and how the last week compares with it."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.report.usual import Verdict, last_week, usual_range

TODAY = date(2026, 3, 30)


def days(*shares: float | None) -> dict[date, float]:
    """Shares of the days before `TODAY`, the last one first."""
    each = enumerate(shares, start=1)
    return {TODAY - timedelta(days=back): share for back, share in each if share is not None}


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_the_usual_range_holds_the_middle_eight_of_ten(shares: list[float]) -> None:
    found = usual_range(shares)
    low, high = np.quantile(shares, [0.1, 0.9])
    assert found.low == pytest.approx(low)
    assert found.high == pytest.approx(high)
    assert found.days == len(shares)


USUAL = [0.15, 0.2, 0.25, 0.2, 0.13, 0.27, 0.2] * 8


@pytest.mark.parametrize(
    ("recent", "verdict"),
    [(0.31, Verdict.MORE), (0.2, Verdict.USUAL), (0.05, Verdict.LESS)],
)
def test_a_week_is_more_than_usual_less_or_as_usual(recent: float, verdict: Verdict) -> None:
    week = last_week(days(*[recent] * 7, *USUAL), TODAY)
    assert week.share == pytest.approx(recent)
    assert week.verdict is verdict
    assert (week.days, week.usual_days) == (7, 56)


def test_too_few_days_give_no_verdict() -> None:
    few = last_week(days(*[0.3] * 3, *[None] * 4, *USUAL), TODAY)
    assert (few.share, few.days, few.verdict) == (None, 3, None)
    new = last_week(days(*[0.3] * 7, *USUAL[:20]), TODAY)
    assert (new.usual, new.usual_days, new.verdict) == (None, 20, None)
    assert last_week({}, TODAY).verdict is None
