"""What a camera module yields: a picture, or notice that none arrived."""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple, TypeAlias

from edge.records import ByteArray


class Picture(NamedTuple):
    """A picture, uint8 `(height, width)`, and how many before it the loop was too late for.

    `gray` may be a view of the camera's own buffer: valid until the next item is asked for.
    """

    gray: ByteArray
    skipped: int = 0


class NoPicture(NamedTuple):
    """Another `waited_s` seconds without a picture; `hint` says what to check."""

    waited_s: float
    hint: str


#: Closing it frees the camera.
Pictures: TypeAlias = Generator[Picture | NoPicture, None, None]
