"""What is wrong with a picture, and what to do: the diary's notes, and what explains them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from edge.expressions.classifier import crop
from edge.expressions.smoothing import DARK, SMALL_PX
from edge.notes import Note
from edge.records import Box, ByteArray

#: A face that is darker than this share of a bright surrounding is lit from behind. The faces of
#: five videos by others with such a surrounding have 0.74 to 1.07; dark skin must not be meant.
_BACKLIT, _BRIGHT = 0.45, 110.0
#: Seconds without a face after which that needs an explanation.
_NOBODY_S = 3.0


class Advice(NamedTuple):
    """What is wrong, and what to do."""

    wrong: str
    do: str

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.wrong}: {self.do}"


_DARK = Advice("too dark", "more light on the face, from the front")
_BACKLIT_FACE = Advice("backlit", "turn the camera away from the window or lamp behind the face")
#: Not of `undecided`: the picture is not at fault if an expression is hard to tell.
_ADVICE = {
    Note.CLOCK: Advice("clock not synchronised", "connect the network, or wait: rows say `clock`"),
    Note.SMALL: Advice(
        f"face under {SMALL_PX} pixels", "come closer, or raise camera.width and camera.height"
    ),
    Note.DARK: _DARK,
    Note.BLURRED: Advice("blurred", "clean or focus the lens, hold still, or give more light"),
    Note.TURNED: Advice("head turned away", "move the camera to where people look"),
}
_NOBODY = Advice(
    "no face found",
    "look into the camera from the front, closer, with light; check camera.rotation",
)


def advise(
    gray: ByteArray, faces: Sequence[tuple[Box, tuple[str, ...]]], nobody_s: float
) -> tuple[Advice, ...]:
    """Return what is wrong with a picture, each kind once.

    `gray` is uint8 `(height, width)`, `faces` are boxes with the notes of their readings, and for
    `nobody_s` seconds there was no face.
    """
    found: dict[Advice, None] = {}
    for box, notes in faces:
        if _is_backlit(gray, box):
            found[_BACKLIT_FACE] = None
            notes = tuple(note for note in notes if note != Note.DARK)  # noqa: PLW2901
        found |= dict.fromkeys(_ADVICE[Note(note)] for note in notes if note in _ADVICE)
    if not faces and nobody_s >= _NOBODY_S:
        found[_DARK if float(gray.mean()) < DARK else _NOBODY] = None
    return tuple(found)


def _is_backlit(gray: ByteArray, box: Box) -> bool:
    """Return whether the face is much darker than what is around it, which is bright.

    Around it is the box three times as wide and high, without the face.
    """
    face, around = crop(gray, box, 0.0), crop(gray, box, 1.0)
    rest = around.size - face.size
    surrounding = (float(around.sum(dtype=np.int64)) - float(face.sum(dtype=np.int64))) / rest
    return surrounding > _BRIGHT and float(face.mean()) < _BACKLIT * surrounding
