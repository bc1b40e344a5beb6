"""An hour of the diary while its rows are being counted."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from edge.diary.hour import AWAY_S, Hour

HOUR_S = 3600


@dataclass(slots=True)
class Stretch:
    """One face shows one expression; the hour's seconds of the first and the latest reading."""

    emotion: str
    begin: int
    end: int


@dataclass(slots=True)
class HourSums:
    """What has been counted so far; expressions as they stand in the file.

    `low` to before `high` are the hour's seconds that are asked for. `step_s` is the reading
    interval, at least 1. `seen` has a 1 for each second with a reading; an hour that is left packs
    it, so that a year needs a few MB.
    """

    start: datetime
    low: int = 0
    high: int = HOUR_S
    step_s: int = 1
    readings: int = 0
    paused_s: float = 0.0
    seen: bytearray = field(default_factory=lambda: bytearray(HOUR_S))
    packed: bytes = b""
    counts: Counter[str] = field(default_factory=Counter)
    raised: Counter[str] = field(default_factory=Counter)
    longest_s: dict[str, int] = field(default_factory=dict)
    models: dict[str, None] = field(default_factory=dict)
    stretches: dict[str, Stretch] = field(default_factory=dict)
    """The stretch under way, by face."""

    def enter(self, model: str, step_s: int) -> None:
        """Go on counting rows of this model and interval."""
        if self.packed:
            self.seen, self.packed = bytearray(zlib.decompress(self.packed)), b""
        if model:
            self.models[model] = None
        self.step_s = max(self.step_s, step_s)

    def leave(self) -> None:
        """End every stretch; other hours follow."""
        for stretch in self.stretches.values():
            self.end(stretch)
        self.stretches.clear()
        self.packed, self.seen = zlib.compress(self.seen, 1), bytearray()

    def end(self, stretch: Stretch) -> None:
        """Count a stretch that is over."""
        length_s = min(stretch.end + self.step_s, HOUR_S) - stretch.begin
        self.longest_s[stretch.emotion] = max(length_s, self.longest_s.get(stretch.emotion, 0))

    def hour(self) -> Hour:
        """Return the sums, once the hour was left."""
        face_s = self._face_s()
        return Hour(
            start=self.start,
            watched_s=face_s,
            face_s=face_s,
            paused_s=round(self.paused_s),
            readings=self.readings,
            raised=dict(self.raised),
            longest_s=dict(sorted(self.longest_s.items())),
            models=tuple(self.models),
            counts=dict(sorted(self.counts.items())),
        )

    def _face_s(self) -> int:
        """Return the seconds with somebody in view, as `daily` defines them."""
        seen = zlib.decompress(self.packed) if self.packed else self.seen
        seconds = [second for second, on in enumerate(seen) if on]
        if not seconds:
            return 0
        gaps_s = (after - before for before, after in pairwise(seconds))
        away_s = self.step_s + AWAY_S
        last_s = min(self.step_s, HOUR_S - seconds[-1])
        return sum(gap_s if gap_s <= away_s else self.step_s for gap_s in gaps_s) + last_s
