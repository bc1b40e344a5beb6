"""A face that is followed: where it is, and how sure it is that it is one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge import template
from edge.boxes import inside, overlap
from edge.records import Box, ByteArray

#: It counts as in sight for so long after it was found, as long as its template is.
HOLD_S = 0.4
#: Found again after more than this, it is another face.
LOST_S = 5.0
#: A new face is believed when it is so clear in one look, and in all together.
_CLEAR_ONCE, _CLEAR_TOGETHER = 6, 12
#: Boxes that overlap so much are one face; so is one that lies so far inside another.
SAME, INSIDE = 0.3, 0.6


@dataclass(slots=True)
class Track:
    """What is known of one face. Times are the source's seconds, boxes in frame pixels."""

    number: int
    box: Box
    found_at: Box
    """Where a look last found it."""
    template: ByteArray
    found_s: float
    looked_s: float
    """When a look last found it, and when one last tried."""
    frame: int
    """The last frame in which it was followed."""
    clearness: int = 0
    """That of the last look which found it."""
    most: int = 0
    total: int = 0
    """The highest clearness of all looks, and their sum."""
    like: bool = True
    """Whether its template is in the last frame."""

    @property
    def sure(self) -> bool:
        """Whether it is believed to be a face at all."""
        return self.most >= _CLEAR_ONCE and self.total >= _CLEAR_TOGETHER

    def found(self, gray: ByteArray, box: Box, clearness: int, now: float) -> None:
        """Takes over what a look found."""
        self.box = self.found_at = box
        self.template = template.take(gray, box)
        self.found_s, self.like, self.clearness = now, True, clearness
        self.most, self.total = max(self.most, clearness), self.total + clearness

    def near(self, now: float) -> bool:
        """Whether a look found it lately."""
        return now - self.found_s <= HOLD_S

    def visible(self, now: float) -> bool:
        """Whether it is to be reported."""
        return self.sure and self.near(now) and (self.like or self.found_s == now)

    def alive(self, now: float) -> bool:
        """Whether to remember it."""
        return now - self.found_s <= (LOST_S if self.sure else HOLD_S)


def distinct(tracks: Iterable[Track], now: float) -> list[Track]:
    """One track for each face: the one that was found just now, then the clearest."""
    kept: list[Track] = []
    for track in sorted(tracks, key=lambda t: (not t.near(now), -t.clearness, t.number)):
        if not any(
            overlap(track.box, other.box) > SAME or inside(track.box, other.box) > INSIDE
            for other in kept
        ):
            kept.append(track)
    return sorted(kept, key=lambda t: t.number)
