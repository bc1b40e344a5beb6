"""How a finder's numbered faces compare with those that a strong detector saw in the shared videos.

`data/clip_faces.npz` of the shared data holds YuNet's boxes at full size on every frame; what is
right, clear and found is `convert.detection.clips`' to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from convert.detection.clips import SAME, ClipScore, Known, clear_boxes, clip_score, known_faces
from edge.bench.quality import link
from edge.records import Box, Face

__all__ = ["VIDEOS", "Known", "Numbers", "known_faces", "numbers", "score"]

VIDEOS = {".mp4", ".mkv", ".avi", ".mov", ".webm"}


class Numbers(NamedTuple):
    """How often the number on a lasting clear face differs from the last one on it.

    `changes`, among `linked` frames that could show it.
    """

    linked: int
    changes: int


def score(known: Sequence[Sequence[Known]], faces: Sequence[Sequence[Face]]) -> ClipScore:
    """Compare the faces reported in each frame with those known to be there."""
    return clip_score(known, [[face.box for face in frame] for frame in faces])


def numbers(known: Sequence[Sequence[Known]], faces: Sequence[Sequence[Face]]) -> Numbers:
    """Tell whether clear faces keep their numbers."""
    chains = [
        [number for at, box in chain if (number := _number(box, faces[at])) is not None]
        for chain in link(clear_boxes(known))
    ]
    changes = sum(a != b for chain in chains for a, b in pairwise(chain))
    return Numbers(sum(map(len, chains)), changes)


def _number(box: Box, faces: Sequence[Face]) -> int | None:
    """The number of the reported face that covers `box` most; None where none does."""
    best = max(faces, key=lambda face: face.box.overlap(box), default=None)
    return best.track if best is not None and best.box.overlap(box) >= SAME else None
