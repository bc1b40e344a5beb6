"""A full Haar scan of every frame: what the detector is measured against."""

from __future__ import annotations

from edge.faces import cascade
from edge.records import Box, ByteArray


class FullHaar:
    """OpenCV's search of the whole frame, at its defaults for scale step and neighbours: 1.1, 5."""

    def __init__(self) -> None:
        self._cascade = cascade.load()

    def __call__(self, gray: ByteArray) -> list[Box]:
        """Return every face from 24 pixels on."""
        return [Box(*map(int, b)) for b in self._cascade.detectMultiScale(gray, 1.1, 5)]
