"""A table of what waits to be sent: the oldest makes room where there is too much."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from edge.messaging.database import Statement, Table

T = TypeVar("T")
log = logging.getLogger(__name__)


class BoundedQueue(Generic[T]):
    """At most `limit` rows of `table`.

    For the log: `what` they are, what they do, and what one of them is.
    """

    def __init__(
        self, table: Table[T], limit: int, what: str, does: str, describe: Callable[[T], str]
    ) -> None:
        self.table = table
        self._limit, self._what, self._does, self._describe = limit, what, does, describe
        self._dropped = 0

    @property
    def waiting(self) -> Mapping[str, T]:
        """What waits, by id, oldest first."""
        return self.table.rows

    def add(self, key: str, value: T) -> Iterator[Statement]:
        """Append `value`; drop the oldest where there is no room, which is logged once."""
        yield self.table.put(key, value)
        surplus = max(0, len(self.table.rows) - self._limit)
        for oldest in list(itertools.islice(self.table.rows, surplus)):
            if not self._dropped:
                described = self._describe(self.table.rows[oldest])
                what = f"{self._what} {self._does}"
                log.error("%d %s; dropping the oldest: %s", self._limit, what, described)
            self._dropped += 1
            yield self.table.remove(oldest)

    def remove(self, keys: Iterable[str]) -> list[Statement]:
        """Forget what was sent."""
        removed = [self.table.remove(key) for key in keys if key in self.table.rows]
        if removed and self._dropped:
            log.warning("there is room for %s again; %d were dropped", self._what, self._dropped)
            self._dropped = 0
        return removed
