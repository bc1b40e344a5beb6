"""What is true now, as far as the diary and the files of the service say. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from edge.config.alerts import NEGATIVE
from edge.diary.schema import CONFIDENCE, EMOTION, NOTE, Row
from edge.diary.tally import is_doubtful
from edge.notes import EventWord


class Face(NamedTuple):
    """The latest reading of one face."""

    face: int
    emotion: str
    confidence: float
    note: str
    time: datetime


class Latest(NamedTuple):
    """`faces`: those read within the last seconds, the latest first. `negative` of `counted`
    readings of the last ten minutes. `raised`: alerts that were raised and not cleared since.
    """

    state: str
    faces: tuple[Face, ...]
    negative: int
    counted: int
    raised: tuple[str, ...]
    newest: datetime | None

    def as_object(self) -> Mapping[str, Any]:
        """Return what `fer-edge now --json` prints."""
        return {
            **self._asdict(),
            "faces": [{**face._asdict(), "time": face.time.isoformat()} for face in self.faces],
            "raised": list(self.raised),
            "newest": self.newest.isoformat() if self.newest else None,
        }


def latest(rows: Iterable[Row], since: datetime, recently: datetime, state: str) -> Latest:
    """Return what rows from `recently` on say; a face is in view if it was read since `since`."""
    faces: dict[int, Face] = {}
    raised: dict[str, None] = {}
    negative = counted = 0
    newest: datetime | None = None
    for row in rows:
        if row.time < recently:
            continue
        newest = row.time
        emotion, note = row.values[EMOTION], row.values[NOTE]
        if row.face is None:
            word, _, name = note.partition(" ")[0].partition(":")
            if word == EventWord.RAISED:
                raised[name] = None
            elif word == EventWord.CLEARED:
                raised.pop(name, None)
            continue
        if row.time >= since:
            confidence = float(row.values[CONFIDENCE])
            faces.pop(row.face, None)
            faces[row.face] = Face(row.face, emotion, confidence, note, row.time)
        if not is_doubtful(note):
            counted += 1
            negative += emotion in NEGATIVE
    return Latest(state, tuple(reversed(faces.values())), negative, counted, tuple(raised), newest)
