"""Visits: the longest ones, however many there are."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from edge.diary.schema import Row, header
from edge.report.visits import MOST, visits
from tests.support.samples import LABELS, START

COLUMNS = tuple(header(LABELS).split(","))


def row(face: int, at_s: float, emotion: str = "happy") -> Row:
    time = START + timedelta(seconds=at_s)
    values = (time.isoformat(), str(face), emotion, "0.9", *("",) * (len(COLUMNS) - 4))
    return Row(time, face, COLUMNS, values)


def many(count: int) -> Iterator[Row]:
    """As many visits; every thousandth is longer than a second."""
    for face in range(count):
        yield row(face, face)
        yield row(face, face + (5 if face % 1000 == 0 else 1))


def test_memory_does_not_grow_with_the_visits_and_the_longest_are_kept() -> None:
    tracemalloc.start()
    found = visits(many(60_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000
    assert len(found.longest) == MOST
    assert found.shorter == 60_000 - MOST
    faces = [visit.face for visit in found.longest]
    assert set(range(0, 60_000, 1000)) < set(faces)
    assert faces == sorted(faces)


@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from(LABELS)), max_size=60))
def test_a_few_are_all_there_whoever_comes_and_goes(seen: list[tuple[int, str]]) -> None:
    rows = [row(face, at_s, emotion) for at_s, (face, emotion) in enumerate(seen)]
    found = visits(rows)
    assert found.shorter == 0
    assert [visit.face for visit in found.longest] == [*dict.fromkeys(face for face, _ in seen)]
    for visit in found.longest:
        mine = [each for each in rows if each.face == visit.face]
        assert (visit.begin, visit.end) == (mine[0].time, mine[-1].time)
        assert visit.readings == len(mine)
        emotions = [each.values[2] for each in mine]
        assert visit.counts == {emotion: emotions.count(emotion) for emotion in emotions}
