"""Frame to faces: search little, track cheaply.

A small network proposes: it looks at the whole picture, and at tiles of a large one, as often as
something may have changed there (`search`, 1 ms a look). It also verifies: a proposed place is
looked at once more from near, and so is a known face while it lasts, so that a wall never lives
longer than a look (`verifier`, 0.2 ms). Haar's cascade draws the box where it sees the face,
0.2 ms, as expression models were trained on its boxes. In between a face is followed with a small
template (`template`, 0.05 ms). One that turned away is looked for where it was, for a while.

All is counted in pixels and in the source's seconds, never in measured time: a video gives the
same faces on every machine. Where nothing moves, nothing is done (`motion`, 0.05 ms).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from edge.config.schema import FacesConfig
from edge.faces import template
from edge.faces.cascade import Cascade
from edge.faces.motion import Motion
from edge.faces.network import FaceNetwork, Seen
from edge.faces.scan import Scan
from edge.faces.search import Search
from edge.faces.track import Track, deduplicate
from edge.faces.verifier import SAME, Verifier, eligible
from edge.records import Box, ByteArray, Face, Frame
from edge.stage_timer import nothing

#: Faces are looked for this often at most: in between they hardly move.
_PERIOD_S = 0.06
#: Seconds between two looks at a face in sight that moved, and at where one was lost.
VERIFY_S, SEEK_S = 0.5, 0.1
#: Seconds between two searches: soon after a cut or a loss, while nobody is there, else.
_SOON_S, _EMPTY_S, _STEADY_S = 0.1, 0.2, 1.0
#: A cut or a loss is recent for this long.
_RECENT_S = 0.5
#: This far around a face in sight, in its widths, hair and shoulders move with it.
_AROUND = 0.3
#: How like a template must be: to follow it, to be of one person, to be of one over a cut.
_FOLLOWED, _SAME_PERSON, _OVER_CUT = 0.7, 0.5, 0.8
#: Places that are looked at closely in one frame, and that wait for it.
_LOOKS, _WAITING = 2, 16


class Detector:
    """Finds and follows faces. Numbers them from `first_track` on, each number once.

    `lap` is told when the stages `track` and `scan` are over (see `edge.stage_timer`). Raises
    `ModelError` where the configured network cannot be used.
    """

    def __init__(
        self, config: FacesConfig, first_track: int = 1, lap: Callable[[str], None] = nothing
    ) -> None:
        self.scan_every = 1
        """Intervals between searches are this many times longer: more when there is little time."""
        self._config, self._lap = config, lap
        self._network = FaceNetwork(config.model)
        self._cascade = None if config.detector == "network" else Cascade()
        self._verifier = Verifier(self._network, self._cascade, strict=config.detector == "haar")
        self._next_number, self._scene = first_track, 0
        self._begin((1, 1))

    def _begin(self, shape: tuple[int, ...]) -> None:
        """Frames of another size: nothing is known of them."""
        least_px = self._config.min_px
        self._search: Search | Scan
        if self._cascade is not None and self._config.detector == "haar":
            self._search = Scan(self._cascade, self._verifier.accepted, shape, least_px)
        else:
            self._search = Search(self._network, self._verifier.doubtful, shape, least_px)
        self._motion = Motion(shape)
        self._tracks: list[Track] = []
        self._places: list[Seen] = []
        self._worked_s = self._disturbed_s = -math.inf

    @property
    def idle(self) -> bool:
        """Whether no face is known and nothing moves that could bring one."""
        return not self._tracks and self._search.done

    def forget(self) -> None:
        """Forget the faces in sight: whoever is seen next is a new visit."""
        self._tracks, self._motion = [], Motion((1, 1))  # no frame has this size

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """Return the faces in sight, the longest known first."""
        if frame.still:
            return self.find_all(frame)
        gray, now = frame.gray, frame.source_s
        if gray.shape != self._motion.shape:
            self._begin(gray.shape)
        if abs(now - self._worked_s) >= _PERIOD_S - 0.001:
            self._worked_s = now
            self._motion.update(gray)
            self._follow(gray, now)
            self._lap("track")
            self._look_for_new(gray, now)
            self._lap("scan")
        return self._faces()

    def find_all(self, frame: Frame) -> tuple[Face, ...]:
        """Return every face of a picture that stands by itself, each under a new number."""
        self._begin(frame.gray.shape)
        for place in self._search.everywhere(frame.gray):
            self._try(place, frame.gray, frame.source_s)
        faces = self._faces()
        self._begin(frame.gray.shape)
        self._lap("scan")
        return faces

    def _faces(self) -> tuple[Face, ...]:
        return tuple(
            Face(track.number, track.box, track.frontal < self._verifier.frontal, self._scene)
            for track in self._tracks
            if track.in_sight
        )

    def _follow(self, gray: ByteArray, now: float) -> None:
        if self._motion.scene_cut:
            self._change_scene(gray, now)
        for track in self._tracks:
            moved = self._motion.since(track.frame, track.box.widened(template.REACH))
            track.frame, track.moved = self._motion.frame, track.moved or moved
            lost_it = moved and not track.followed(gray, _FOLLOWED)
            every_s = VERIFY_S if track.in_sight else SEEK_S
            if lost_it or (track.moved and now >= track.looked_s + every_s - 0.001):
                self._verify(track, gray, now)
        self._tracks = deduplicate(track for track in self._tracks if track.alive(now))
        for track in self._tracks:
            if track.in_sight:  # what moved here is known
                self._motion.settle(track.box.widened(_AROUND))

    def _change_scene(self, gray: ByteArray, now: float) -> None:
        """Keep only who is still there, as when the light went on, and look at once."""
        self._scene, self._disturbed_s, self._places = self._scene + 1, now, []
        self._search.restart()
        self._tracks = [t for t in self._tracks if t.likeness(gray, t.box) >= _OVER_CUT]
        for track in self._tracks:
            track.looked_s, track.moved = -math.inf, True

    def _verify(self, track: Track, gray: ByteArray, now: float) -> None:
        """Check whether a known face is still there."""
        for seen in self._verifier.detect_around(gray, track.box, self._verifier.doubtful):
            if track.in_sight and seen.box.overlap(track.box) < SAME:
                break  # as all that follow
            better = self._acceptable(seen, gray, track)
            if better and track.likeness(gray, better.box) >= _SAME_PERSON:
                track.update(better, gray, now)
                return
        if track.in_sight:
            self._disturbed_s = now
        track.lose(now)

    def _acceptable(self, seen: Seen, gray: ByteArray, me: Track | None = None) -> Seen | None:
        """Return the face with its best box; None where it is another's, or not eligible."""
        if self._taken(seen.box, me):
            return None
        better = self._verifier.refined(gray, seen)
        return better if better and eligible(better.box, gray, self._config) else None

    def _look_for_new(self, gray: ByteArray, now: float) -> None:
        interval_s = self._interval_s(now) * self.scan_every
        self._places += self._search.step(gray, self._motion, now, interval_s)
        del self._places[:-_WAITING]
        looks = 0
        while self._places and looks < _LOOKS:
            looks += self._try(self._places.pop(0), gray, now)

    def _interval_s(self, now: float) -> float:
        if now - self._disturbed_s < _RECENT_S:
            return _SOON_S
        return _STEADY_S if any(track.in_sight for track in self._tracks) else _EMPTY_S

    def _try(self, place: Seen, gray: ByteArray, now: float) -> bool:
        """Make a track of a place, or find its face again; False: it needs no look."""
        if self._taken(place.box) or not eligible(place.box, gray, self._config):
            return False
        face = self._verifier.face_at(gray, place)
        seen = self._acceptable(face, gray) if face else None
        if seen is None:
            return True
        lost = [t for t in self._tracks if not t.in_sight and t.may_reach(seen.box)]
        likeness = [(t.likeness(gray, seen.box), -t.number, t) for t in lost]
        similarity, _, best = max(likeness, default=(0.0, 0, None))
        if best is not None and similarity >= _SAME_PERSON:
            best.update(seen, gray, now)
        else:
            track = Track.new(self._next_number, seen, gray, now, self._motion.frame)
            self._next_number += 1
            self._tracks = deduplicate([*self._tracks, track])
        return True

    def _taken(self, box: Box, me: Track | None = None) -> bool:
        """Whether `box` is on another face in sight."""
        return any(t is not me and t.in_sight and t.box.overlap(box) > SAME for t in self._tracks)
