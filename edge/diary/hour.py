"""One hour of the diary, as it is kept for years (see `daily`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from edge.config.alerts import NEGATIVE

#: How long a face that is not seen keeps its number (`edge.expressions.smoothing.FORGET_S`).
AWAY_S = 5


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the diary; the fields are the columns. `start` has its offset."""

    start: datetime
    watched_s: int = 0
    face_s: int = 0
    paused_s: int = 0
    readings: int = 0
    raised: Mapping[str, int] = field(default_factory=dict)
    longest_s: Mapping[str, int] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    """Readings without a quality note, by expression."""

    def __bool__(self) -> bool:
        """Return whether anything is known of it."""
        return bool(self.watched_s or self.readings or self.paused_s or self.raised)

    @property
    def good(self) -> int:
        """The number of readings without a quality note."""
        return sum(self.counts.values())

    @property
    def negative(self) -> int:
        """How many of those were angry, disgusted, fearful or sad."""
        return sum(self.counts.get(label, 0) for label in NEGATIVE)
