"""Score what is reported of a video's faces, against those that a strong detector found there.

The one rule of what is right, wrong, clear and found, for the network alone (`evaluate`) and for
the service that follows faces with it (`tests.support.known_faces`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from edge.errors import RefusedFile, first_line
from edge.records import Box, ByteArray, FloatArray

#: Boxes overlap by this share (intersection over union) where they are on one face.
SAME = 0.3
#: A reported box may be this many frames off the known face, and the other way round.
_RIGHT_WITHIN, _FOUND_WITHIN = 2, 1
#: A known face counts against a wrong box from the first score on; from the second it is clear.
_KNOWN, _CLEAR = 0.3, 0.7
_CLEAR_PX = 40.0


class Known(NamedTuple):
    """A face that the strong detector saw."""

    box: Box
    clear: bool
    """Certain, wholly inside the frame, and at least 40 pixels wide and high."""


class ClipScore(NamedTuple):
    """What was made of a video."""

    frames: int
    reported: int
    wrong: int
    """Of the reported boxes, those on no known face."""
    clear: int
    found: int
    """Of the clear faces, those that a reported box covers."""
    read: int
    """Frames in which a reported box is right."""


def known_faces(path: Path) -> dict[str, list[list[Known]]]:
    """Return the known faces of every frame in an `.npz`, by the video's stem.

    It holds, for each video, `<name>_boxes` float32 `(n, 6)`, frame, x, y, width, height, score;
    and `<name>_size`: frames, width, height. Raises `RefusedFile` where it does not.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            names = [name.removesuffix("_boxes") for name in content if name.endswith("_boxes")]
            return {
                name: by_frame(content[f"{name}_boxes"], content[f"{name}_size"]) for name in names
            }
    except (OSError, ValueError, LookupError, EOFError) as error:
        raise RefusedFile(f"{path}: cannot be read ({first_line(error)})") from error


def by_frame(rows: FloatArray, size: Sequence[int]) -> list[list[Known]]:
    """Return the known faces of every frame from `(n, 6)` and frames, width, height."""
    frames, frame_width, frame_height = map(int, size)
    known: list[list[Known]] = [[] for _ in range(frames)]
    for at, x, y, width, height, score in rows[rows[:, 5] >= _KNOWN].tolist():
        inside = x >= 0 and y >= 0 and x + width <= frame_width and y + height <= frame_height
        clear = score >= _CLEAR and inside and min(width, height) >= _CLEAR_PX
        known[int(at)].append(Known(_whole(x, y, width, height), clear))
    return known


def clip_score(known: Sequence[Sequence[Known]], reported: Sequence[Sequence[Box]]) -> ClipScore:
    """Compare the boxes reported in each frame with the faces known to be there."""
    clear = clear_boxes(known)
    right = [[is_right(known, box, at) for box in boxes] for at, boxes in enumerate(reported)]
    found = [_on(box, reported, at, _FOUND_WITHIN) for at, some in enumerate(clear) for box in some]
    return ClipScore(
        frames=len(known),
        reported=sum(map(len, right)),
        wrong=sum(answers.count(False) for answers in right),
        clear=len(found),
        found=sum(found),
        read=sum(map(any, right)),
    )


def clear_boxes(known: Sequence[Sequence[Known]]) -> list[list[Box]]:
    """Return each frame's clear faces."""
    return [[face.box for face in faces if face.clear] for faces in known]


def is_right(known: Sequence[Sequence[Known]], box: Box, at: int) -> bool:
    """Return whether a box reported in frame `at` is on a known face, clear or not."""
    near = known[max(0, at - _RIGHT_WITHIN) : at + _RIGHT_WITHIN + 1]
    return any(box.overlap(face.box) >= SAME for faces in near for face in faces)


def _on(box: Box, others: Sequence[Sequence[Box]], at: int, within: int) -> bool:
    """Whether `box` of a frame is on one of the others, at most `within` frames away."""
    near = others[max(0, at - within) : at + within + 1]
    return any(box.overlap(other) >= SAME for boxes in near for other in boxes)


def reported(path: Path, detect: Callable[[ByteArray], FloatArray]) -> list[list[Box]]:
    """Return what `detect` finds on each gray frame: `(n, 4+)`, x, y, w, h, ..."""
    return [[_whole(*row[:4]) for row in detect(gray).tolist()] for gray in frames(path)]


def frames(path: Path) -> Iterator[ByteArray]:
    """Yield the video's frames in gray, uint8 `(h, w)`."""
    video = cv2.VideoCapture(str(path))
    if not video.isOpened():
        raise RefusedFile(f"{path}: cannot be read as a video")
    while True:
        good, colour = video.read()
        if not good:
            return
        yield np.asarray(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), np.uint8)


def _whole(x: float, y: float, width: float, height: float) -> Box:
    return Box(round(x), round(y), round(width), round(height))
