"""The diary face by face: a number is a visit, not a person. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappush, heappushpop
from operator import attrgetter
from typing import NamedTuple

from edge.diary.schema import EMOTION, NOTE, Row
from edge.diary.tally import is_doubtful
from edge.report.figures import Span

#: As many are told of.
MOST = 1000


@dataclass(slots=True)
class Visit:
    """One face number: when it was seen, and what it showed in readings without a doubt."""

    face: int
    begin: datetime
    end: datetime
    number: int
    """In which place it began."""
    readings: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def span(self) -> Span:
        """The same as of an hour; in view is the time from the first reading to the last."""
        return Span(self.counts, face_s=round((self.end - self.begin).total_seconds()) + 1)


class Visits(NamedTuple):
    """The longest ones in the order in which they began, and how many were shorter."""

    longest: list[Visit]
    shorter: int


def visits(rows: Iterable[Row]) -> Visits:
    """Return the `MOST` longest visits; others need no memory.

    A face that was not seen while as many others were is gone: its number is never used again.
    """
    ended: list[tuple[timedelta, int, Visit]] = []  # a heap, the shortest first
    seen: dict[int, Visit] = {}  # the latest last
    number = 0
    for row in rows:
        if row.face is None:
            continue
        visit = seen.pop(row.face, None)
        if visit is None:
            number += 1
            visit = Visit(row.face, row.time, row.time, number)
            if len(seen) == MOST:
                _keep(ended, seen.pop(next(iter(seen))))
        seen[row.face] = visit
        visit.end = max(visit.end, row.time)
        visit.readings += 1
        if not is_doubtful(row.values[NOTE]):
            visit.counts[row.values[EMOTION]] += 1
    for visit in seen.values():
        _keep(ended, visit)
    longest = sorted((visit for _, _, visit in ended), key=attrgetter("number"))
    return Visits(longest, number - len(longest))


def _keep(ended: list[tuple[timedelta, int, Visit]], visit: Visit) -> None:
    """Put a visit among the longest, if it is one; of two as long, the earlier is."""
    (heappush if len(ended) < MOST else heappushpop)(
        ended, (visit.end - visit.begin, -visit.number, visit)
    )
