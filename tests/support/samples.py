"""Small made-up records for tests of single rooms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import numpy as np

from edge.notes import Note
from edge.records import Box, ByteArray, Frame, Reading

LABELS = ("angry", "happy", "neutral")
ZONE = timezone(timedelta(hours=2))
START = datetime(2026, 3, 1, 12, tzinfo=ZONE)
BLACK = np.zeros((48, 64), np.uint8)


def frame(at_s: float, gray: ByteArray = BLACK, *, clock_ok: bool = True) -> Frame:
    return Frame(gray, START + timedelta(seconds=at_s), at_s, at_s, clock_ok)


def reading(
    at_s: float = 0.0,
    face: int = 1,
    emotion: str = "happy",
    *,
    confidence: float = 0.5,
    time: datetime | None = None,
    labels: Sequence[str] = LABELS,
    notes: tuple[str, ...] = (),
) -> Reading:
    rest = (1 - confidence) / (len(labels) - 1)
    return Reading(
        time=time or START + timedelta(seconds=at_s),
        source_s=at_s,
        face=face,
        emotion=emotion,
        confidence=confidence,
        probabilities=tuple(confidence if label == emotion else rest for label in labels),
        box=Box(10, 20, 100, 110),
        notes=tuple(map(Note, notes)),
    )
