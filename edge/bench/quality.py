"""How well faces are found and followed, against a full Haar scan of every frame. Pure.

Haar's boxes are not ground truth, but they are what the loop replaces: it should report the same
faces for a fraction of the cost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from edge.records import Box, Face

#: From this intersection over union on, two boxes are on one face.
SAME = 0.4
#: Haar boxes must last this many consecutive frames to count as missed; fewer are its own errors.
LASTING = 3
#: A reported box is right where Haar sees the face at most this many frames before or after.
NEAR = 12


@dataclass(frozen=True)
class Quality:
    """What `score` counts; shares are None where there is nothing to take a share of."""

    recall: float | None
    """Of the lasting Haar boxes, those that a reported box of the same frame covers."""
    precision: float | None
    """Of the reported boxes, those that a Haar box covers within `NEAR` frames."""
    id_changes: int
    """How often the track on a lasting face is another than the last one on it."""
    linked_frames: int
    """Lasting Haar boxes that a reported box covers: where an id could have changed."""
    tracks: int
    """Tracks reported."""
    false_tracks: int
    """Tracks of which no box is right."""


def score(
    haar: Sequence[Sequence[Box]], ours: Sequence[Sequence[Face]], least_px: int = 0
) -> Quality:
    """Score `ours` against `haar`, both frame by frame and equally long.

    Haar boxes narrower than `least_px` need not be reported, but may be.
    """
    lasting = [chain for chain in link(haar) if len(chain) >= LASTING]
    chains = [[(at, box) for at, box in chain if box.width >= least_px] for chain in lasting]
    ids = [[_track(box, ours[at]) for at, box in chain] for chain in chains]
    covered = [[track for track in chain if track is not None] for chain in ids]
    linked = sum(map(len, covered))
    right, reported = _right(haar, ours), Counter(f.track for faces in ours for f in faces)
    return Quality(
        recall=_share(linked, sum(map(len, ids))),
        precision=_share(right.total(), reported.total()),
        id_changes=sum(a != b for chain in covered for a, b in pairwise(chain)),
        linked_frames=linked,
        tracks=len(reported),
        false_tracks=sum(track not in right for track in reported),
    )


def link(haar: Sequence[Sequence[Box]]) -> list[list[tuple[int, Box]]]:
    """Return chains of boxes on one face in consecutive frames, each as (frame, box).

    Each box goes on the chain whose last box it covers most, the best pairs first.
    """
    chains: list[list[tuple[int, Box]]] = []
    going: list[list[tuple[int, Box]]] = []
    for at, boxes in enumerate(haar):
        pairs = sorted(
            (-share, number, box)
            for number, chain in enumerate(going)
            for box in boxes
            if (share := chain[-1][1].overlap(box)) >= SAME
        )
        grown: dict[int, Box] = {}
        for _, number, box in pairs:
            if number not in grown and box not in grown.values():
                grown[number] = box
                going[number].append((at, box))
        fresh = [[(at, box)] for box in sorted(set(boxes) - set(grown.values()))]
        going = [going[number] for number in sorted(grown)] + fresh
        chains += fresh
    return chains


def _track(box: Box, faces: Iterable[Face]) -> int | None:
    """Return the track that covers `box` most, None where none does."""
    best = max(faces, key=lambda face: face.box.overlap(box), default=None)
    return best.track if best is not None and best.box.overlap(box) >= SAME else None


def _right(haar: Sequence[Sequence[Box]], ours: Sequence[Sequence[Face]]) -> Counter[int]:
    """Return the number of right boxes of every track that has any."""
    return Counter(
        face.track
        for at, faces in enumerate(ours)
        for face in faces
        if any(
            face.box.overlap(box) >= SAME
            for boxes in haar[max(0, at - NEAR) : at + NEAR + 1]
            for box in boxes
        )
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
