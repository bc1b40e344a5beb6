"""A face that is followed: where it is, what it looks like, and when a look last saw it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge.faces import template
from edge.faces.network import Seen
from edge.faces.verifier import SAME
from edge.records import Box, ByteArray

#: A face that was out of sight longer than this is another one.
LOST_S = 5.0
#: A box that lies this far inside another is on the same face.
INSIDE = 0.6


@dataclass(slots=True)
class Track:
    """What is known of one face. Times are the source's seconds, boxes in frame pixels."""

    number: int
    box: Box
    template: ByteArray
    clearest: ByteArray
    """Its template when it was turned to the camera most, and how much it was."""
    frontal: float
    most_frontal: float
    score: float
    seen_s: float
    """When a look last saw it, and when one last tried."""
    looked_s: float
    frame: int
    """The last frame in which it was followed."""
    in_sight: bool = True
    moved: bool = False
    """Whether anything changed around it since the last look."""

    @classmethod
    def new(cls, number: int, seen: Seen, gray: ByteArray, now: float, frame: int) -> Track:
        """Start to follow a face."""
        pixels = template.take(gray, seen.box)
        chances = seen.frontal, seen.frontal, seen.score
        return cls(number, seen.box, pixels, pixels, *chances, now, now, frame)

    def update(self, seen: Seen, gray: ByteArray, now: float) -> None:
        """Take over what a look saw."""
        self.box, self.frontal, self.score = seen.box, seen.frontal, seen.score
        self.template = template.take(gray, seen.box)
        if seen.frontal >= self.most_frontal:
            self.clearest, self.most_frontal = self.template, seen.frontal
        self.seen_s = self.looked_s = now
        self.in_sight, self.moved = True, False

    def lose(self, now: float) -> None:
        """Note that a look did not see it."""
        self.looked_s, self.in_sight, self.moved = now, False, False

    def followed(self, gray: ByteArray, least: float) -> bool:
        """Move to where its template is now; False where nothing is that like it."""
        if not self.in_sight:
            return True
        box, similarity = template.find(gray, self.box, self.template)
        if similarity >= least:
            self.box = box
        return similarity >= least

    def likeness(self, gray: ByteArray, box: Box) -> float:
        """Return how like the face at `box` is to this one.

        Normalised correlation, -1 to 1.
        """
        similarity = template.find(gray, box, self.template)[1]
        if self.clearest is self.template:
            return similarity
        return max(similarity, template.find(gray, box, self.clearest)[1])

    def may_reach(self, box: Box) -> bool:
        """Return whether a face may have come from here to `box`."""
        return self.box.widened(0.5).overlap(box.widened(0.5)) > SAME

    def alive(self, now: float) -> bool:
        """Return whether to remember it."""
        return self.in_sight or now - self.seen_s <= LOST_S


def deduplicate(tracks: Iterable[Track]) -> list[Track]:
    """Return one track per face in sight: the one seen last, then the surest."""
    kept: list[Track] = []
    for track in sorted(tracks, key=lambda t: (not t.in_sight, -t.seen_s, -t.score, t.number)):
        if not any(
            track.box.overlap(other.box) > SAME or track.box.containment(other.box) > INSIDE
            for other in kept
            if other.in_sight
        ):
            kept.append(track)
    return sorted(kept, key=lambda t: t.number)
