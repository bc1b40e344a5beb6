"""Frame to faces: Haar search (Viola and Jones 2001) with tracking between searches.

A search of the whole frame costs tens of milliseconds, one around a known face about one. So the
whole frame is searched twice a second and the known faces' surroundings in every frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.config import Faces
from edge.errors import Problem
from edge.records import Box, ByteArray, Face, Frame
from edge.stopwatch import nothing

FULL_SEARCH_S = 0.5
#: A face that is not found for so long is another face when it comes back.
LOST_S = 1.0
_SCALE_STEP = 1.1
_NEIGHBOURS = 5
#: How much of two boxes must be common for them to be one face.
_SAME_FACE_OVERLAP = 0.25
_CASCADE = "haarcascade_frontalface_default.xml"


@dataclass(slots=True)
class _Track:
    number: int
    box: Box
    seen_s: float


class Finder:
    """Finds and follows faces. Numbers them from `first_track` on, each number once.

    `lap` is told when the stages `scan` and `track` are over (see `edge.stopwatch`).
    """

    def __init__(
        self, config: Faces, first_track: int = 1, lap: Callable[[str], None] = nothing
    ) -> None:
        path = Path(cv2.__file__).parent / "data" / _CASCADE
        self._cascade = cv2.CascadeClassifier(str(path))
        if self._cascade.empty():
            raise Problem(f"{path}: cannot be read; install opencv-python-headless again")
        self._config, self._lap = config, lap
        self._tracks: list[_Track] = []
        self._next_track = first_track
        self._search_at_s = -np.inf
        self.scan_every = 1
        """How much thinner the searches of the whole frame are."""

    @property
    def idle(self) -> bool:
        """Whether nobody is followed."""
        return not self._tracks

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """The faces seen in this frame, the longest followed first."""
        now = frame.source_s
        self._tracks = [track for track in self._tracks if now - track.seen_s <= LOST_S]
        if now >= self._search_at_s:
            self._search_at_s = now + FULL_SEARCH_S * self.scan_every
            boxes = self._search(frame.gray)
            self._lap("scan")
        else:
            boxes = [box for track in self._tracks for box in self._near(frame.gray, track.box)]
        self._follow(_distinct(self._wanted(boxes, frame.gray)), now)
        self._lap("track")
        return tuple(Face(t.number, t.box) for t in self._tracks if t.seen_s == now)

    def _search(self, gray: ByteArray) -> list[Box]:
        least = self._config.min_px
        return self._detect(gray, least, min(gray.shape))

    def _near(self, gray: ByteArray, box: Box) -> list[Box]:
        """Faces of about the size of `box`, around it."""
        edge = box.width * 2 // 5
        left, top = max(0, box.x - edge), max(0, box.y - edge)
        around = gray[top : box.y + box.height + edge, left : box.x + box.width + edge]
        least = max(self._config.min_px, box.width * 3 // 4)
        found = self._detect(around, least, box.width * 4 // 3)
        return [Box(x + left, y + top, width, height) for x, y, width, height in found]

    def _detect(self, gray: ByteArray, least: int, most: int) -> list[Box]:
        found = self._cascade.detectMultiScale(
            gray, _SCALE_STEP, _NEIGHBOURS, minSize=(least, least), maxSize=(most, most)
        )
        return [Box(*map(int, box)) for box in found]

    def _wanted(self, boxes: Iterable[Box], gray: ByteArray) -> list[Box]:
        """Those whose centre is in no ignored rectangle."""
        height, width = gray.shape
        return [
            box
            for box in boxes
            if not any(
                x <= (box.x + box.width / 2) / width < x + w
                and y <= (box.y + box.height / 2) / height < y + h
                for x, y, w, h in self._config.ignore
            )
        ]

    def _follow(self, boxes: list[Box], now: float) -> None:
        """Gives each box to the track it overlaps most, or to a new one."""
        pairs = sorted(
            ((overlap(track.box, box), track, box) for track in self._tracks for box in boxes),
            key=lambda pair: (-pair[0], pair[1].number, pair[2]),
        )
        free = set(boxes)
        for share, track, box in pairs:
            if share >= _SAME_FACE_OVERLAP and box in free and track.seen_s != now:
                track.box, track.seen_s = box, now
                free.remove(box)
        for box in sorted(free):  # threads of the detector may change the order
            self._tracks.append(_Track(self._next_track, box, now))
            self._next_track += 1


def overlap(a: Box, b: Box) -> float:
    """Intersection over union, 0 to 1."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (a.width * a.height + b.width * b.height - common)


def _distinct(boxes: list[Box]) -> list[Box]:
    """Without the smaller of two boxes on one face."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: (-box.width, box)):
        if all(overlap(box, other) < _SAME_FACE_OVERLAP for other in kept):
            kept.append(box)
    return kept
