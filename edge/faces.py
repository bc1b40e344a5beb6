"""Frame to faces: search little, track cheaply.

A Haar scan of a whole 640x360 frame costs 60 ms, so it is spread over many frames and over what
changed in them (`edge.scan`, 20 to 35 ns a pixel). It gives candidates. A strict look around a
candidate, 1 to 4 ms, finds a face or none. From then on the face is followed from frame to frame
with a 24x24 template (`edge.template`, 0.1 ms), and five times a second a glance makes sure that
it is still a face, 0.2 to 0.6 ms. One that turned away is remembered for a while, and looked for
where it was. Where nothing moves, nothing is done (`edge.changes`, 0.05 ms).

So a steady face costs 0.5 ms a frame. A full scan of every frame sees nothing else there; of six
faces that come and go at a table, 96 % of what it sees is seen here, and 96 % of what is seen here
it sees, too. (Recall and precision as in `edge.bench.quality`; a busy x86-64 core.)

All is counted in pixels and in the source's seconds, never in measured time: a video gives the
same faces on every machine.
"""

from __future__ import annotations

from collections.abc import Callable

from edge import template
from edge.boxes import inside, overlap, wider
from edge.changes import Changes
from edge.config import Faces
from edge.haar import GLANCE, SECOND, STRICT, Haar
from edge.records import Box, ByteArray, Face, Frame
from edge.scan import Scan
from edge.stopwatch import nothing
from edge.track import HOLD_S, INSIDE, SAME, Track, distinct

#: A face in sight is glanced at so often, and looked at in every frame once a glance missed it.
GLANCE_S = 0.2
#: Out of sight, it is looked for so often.
SEEK_S = 0.1
#: How far a look reaches, in the face's widths: in sight, out of sight, around a candidate.
_REACH, _REACH_LOST, _REACH_NEW = 0.2, 0.4, 0.3
#: So far around a face in sight, in its widths, hair and shoulders move with it: nothing new there.
_AROUND = 0.3
#: A candidate that is so clear in a glance needs no strict look.
_CLEAR = 28
#: Candidates that wait for a look, when there are more than a frame has time for.
_WAITING = 8
#: How like a template must be, in sight and out of it (normalised correlation).
_LIKE, _LIKE_LOST = 0.6, 0.8


class Finder:
    """Finds and follows faces. Numbers them from `first_track` on, each number once.

    `lap` is told when the stages `track` and `scan` are over (see `edge.stopwatch`).
    """

    def __init__(
        self, config: Faces, first_track: int = 1, lap: Callable[[str], None] = nothing
    ) -> None:
        self.scan_every = 1
        """The scan goes on in every so many-th frame: more when there is little time."""
        self._config, self._lap = config, lap
        self._haar, self._next_number = Haar(), first_track
        self._begin((0, 0))

    def _begin(self, shape: tuple[int, ...]) -> None:
        """Frames of another size: nothing is known of them."""
        self._changes, self._scan = Changes(shape), Scan(self._haar, self._config.min_px, shape)
        self._tracks: list[Track] = []
        self._candidates: list[Box] = []

    @property
    def idle(self) -> bool:
        """Whether no face is known and nothing moves that could bring one."""
        return not self._tracks and self._scan.done

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """The faces in sight, the longest known first."""
        gray, now = frame.gray, frame.source_s
        if gray.shape != self._changes.shape:
            self._begin(gray.shape)
        self._changes.update(gray)
        for track in self._tracks:
            self._follow(track, gray, now)
        self._tracks = distinct((t for t in self._tracks if t.alive(now)), now)
        for track in self._tracks:
            if track.visible(now):
                self._changes.settle(wider(track.box, _AROUND))
        self._lap("track")
        if self._changes.frame % self.scan_every == 0:
            self._search(gray, now)
        self._lap("scan")
        return tuple(Face(t.number, t.box) for t in self._tracks if t.visible(now))

    # Known faces

    def _follow(self, track: Track, gray: ByteArray, now: float) -> None:
        if self._changes.cut:  # whoever is still there must be found anew
            track.found_s = min(track.found_s, now - 2 * HOLD_S)
        moved = self._changes.since(track.frame, wider(track.box, template.REACH))
        track.frame = self._changes.frame
        if moved:
            self._match(track, gray, now)
        elif track.sure and track.like and track.found_s == track.looked_s:  # as it was
            track.found_s = track.looked_s = now
            return
        every_s = GLANCE_S if track.near(now) else SEEK_S
        missed = track.looked_s > track.found_s and track.near(now)
        if missed or not track.sure or now >= track.looked_s + every_s - 0.001:
            self._look(track, gray, now)

    def _match(self, track: Track, gray: ByteArray, now: float) -> None:
        near = track.near(now)
        box, like = template.find(gray, track.box, track.template)
        track.like = like >= (_LIKE if near else _LIKE_LOST)
        if track.like:
            track.box = box
        elif not near:
            track.box = track.found_at

    def _look(self, track: Track, gray: ByteArray, now: float) -> None:
        """A glance at a known face; a strict look where a glance misses it, or finds a lost one."""
        near, box, clearness = track.near(now), track.box, 0
        reach = _REACH if near and track.sure else _REACH_LOST
        track.looked_s = now
        if track.sure:
            box, clearness = self._haar.look(gray, box, reach, GLANCE)
        if not track.sure or near != bool(clearness):
            box, clearness = self._haar.look(gray, box, reach, STRICT)
        if clearness and self._wanted(box, gray) and (near or not self._seen(box, now)):
            track.found(gray, box, clearness, now)

    # New faces

    def _search(self, gray: ByteArray, now: float) -> None:
        seen = sum(track.visible(now) for track in self._tracks)
        lost = sum(track.sure for track in self._tracks) - seen
        fresh = self._scan.step(gray, self._changes, now, seen, lost)
        self._candidates = [*self._candidates[-_WAITING:], *fresh]
        while self._candidates:
            place = self._candidates[0]
            if self._wanted(place, gray) and not self._known(place, now):
                if not self._scan.pay_look():
                    return
                self._try(place, gray, now)
            del self._candidates[0]

    def _try(self, place: Box, gray: ByteArray, now: float) -> None:
        """Makes a track of a candidate that is a face."""
        box, clearness = self._haar.look(gray, place, _REACH_NEW, GLANCE)
        if clearness < _CLEAR:
            box, clearness = self._haar.look(gray, place, _REACH_NEW, STRICT)
        if not clearness or not self._wanted(box, gray):
            return
        there = [track for track in self._tracks if overlap(track.box, box) > SAME]
        if there:  # it is found again, or better
            best = max(there, key=lambda track: (track.visible(now), track.found_s, -track.number))
            best.found(gray, box, clearness, now)
            return
        pixels, frame = template.take(gray, box), self._changes.frame
        levels = clearness, clearness, clearness
        track = Track(self._next_number, box, box, pixels, now, now, frame, *levels)
        if not track.sure:
            again, clearness = self._haar.look(gray, box, _REACH, SECOND)
            if clearness:
                track.found(gray, again, clearness, now)
        self._next_number += 1
        self._tracks = distinct([*self._tracks, track], now)

    def _seen(self, box: Box, now: float) -> bool:
        """Whether `box` is on a face in sight."""
        return any(t.visible(now) and overlap(t.box, box) > SAME for t in self._tracks)

    def _known(self, box: Box, now: float) -> bool:
        """Whether a candidate is a face in sight, or lies inside a known one."""
        return any(
            track.sure
            and inside(box, track.box) > INSIDE
            and box.width < track.box.width * (1.4 if track.visible(now) else 0.7)
            for track in self._tracks
        )

    def _wanted(self, box: Box, gray: ByteArray) -> bool:
        """Whether the face is large enough, and its centre in no ignored rectangle."""
        height, width = gray.shape
        return box.width >= 0.9 * self._config.min_px and not any(
            x <= (box.x + box.width / 2) / width < x + w
            and y <= (box.y + box.height / 2) / height < y + h
            for x, y, w, h in self._config.ignore
        )
