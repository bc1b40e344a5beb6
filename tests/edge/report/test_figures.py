"""From hours to the figures of a report."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.diary.hour import Hour
from edge.report.figures import Figures, collect
from tests.support.hours import LABELS, MODEL, home

TODAY = date(2026, 3, 30)


def figures(hours: list[Hour], days: int = 30) -> Figures:
    return collect(hours, TODAY, days=days, device="pi", labels=LABELS, min_minutes=30)


def an_hour(day: date, number: int, **fields: object) -> Hour:
    start = datetime(day.year, day.month, day.day, number, tzinfo=UTC)
    return Hour(start, **fields)  # type: ignore[arg-type]


hours_strategy = st.lists(
    st.builds(
        Hour,
        start=st.builds(
            lambda back, hour: datetime(2026, 3, 30, hour, tzinfo=UTC) - timedelta(days=back),
            st.integers(0, 40),
            st.integers(0, 23),
        ),
        watched_s=st.integers(0, 3600),
        face_s=st.integers(0, 3600),
        paused_s=st.integers(0, 3600),
        raised=st.dictionaries(st.sampled_from(["negative", "trend"]), st.integers(0, 3)),
        models=st.sampled_from([(), ("a",), ("a", "b")]),
        counts=st.dictionaries(st.sampled_from(LABELS), st.integers(0, 4000)),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(hours_strategy, st.integers(1, 35))
def test_days_cells_and_total_equal_a_naive_recount(hours: list[Hour], days: int) -> None:
    found = figures(hours, days)
    assert len(found.days) == days
    assert (found.begin, found.end) == (TODAY - timedelta(days=days - 1), TODAY)
    for spans, of in ((found.days.values(), "days"), ([each.span for each in found.cells], "")):
        inside = [hour for hour in hours if found.begin <= hour.start.date() <= TODAY]
        counts: Counter[str] = Counter()
        for hour in inside:
            counts.update(hour.counts)
        assert sum((Counter(span.counts) for span in spans), Counter()) == +counts, of
        for name in ("face_s", "watched_s", "paused_s"):
            assert sum(getattr(span, name) for span in spans) == sum(
                getattr(hour, name) for hour in inside
            )
        assert sum(span.alerts for span in spans) == sum(sum(h.raised.values()) for h in inside)
    negative = sum(found.total.counts.get(x, 0) for x in ("angry", "disgust", "fear", "sad"))
    assert found.total.negative == (
        pytest.approx(negative / found.total.readings) if found.total.readings else None
    )


def test_the_hour_that_comes_twice_is_one_cell() -> None:
    summer, winter = timezone(timedelta(hours=2)), timezone(timedelta(hours=1))
    first = Hour(datetime(2026, 3, 20, 2, tzinfo=summer), face_s=10, counts={"sad": 10})
    second = Hour(datetime(2026, 3, 20, 2, tzinfo=winter), face_s=20, counts={"happy": 20})
    (cell,) = figures([first, second]).cells
    assert (cell.hour, cell.span.face_s) == (2, 30)
    assert cell.span.counts == {"sad": 10, "happy": 20}


def test_what_two_models_read_is_not_compared() -> None:
    hours = list(home(80, TODAY, more_s=0))
    assert figures(hours).week.usual is not None
    switched = TODAY - timedelta(days=10)
    mixed = [
        hour
        if hour.start.date() >= switched
        else Hour(hour.start, face_s=hour.face_s, counts=hour.counts, models=("before",))
        for hour in hours
    ]
    week = figures(mixed).week
    assert week.usual is None
    assert week.usual_days <= 3
    assert week.share == figures(hours).week.share


def test_a_day_counts_with_half_an_hour_of_faces() -> None:
    yesterday = TODAY - timedelta(days=1)
    for face_s, counts in ((1799, False), (1800, True)):
        found = figures([an_hour(yesterday, 8, face_s=face_s, counts={"sad": 5})])
        assert found.counts(yesterday) is counts
    assert not figures([an_hour(yesterday, 8, face_s=3600)]).counts(yesterday), "no reading"


def test_labels_are_the_models_and_then_others() -> None:
    hours = [an_hour(TODAY, 8, counts={"bored": 1, "angry": 1}, models=(MODEL,))]
    assert figures(hours).labels == (*LABELS, "bored")
