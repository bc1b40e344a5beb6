"""The hours whose rows are not all in the table yet, and for how long each was watched.

`unfinished-hours.txt` has a line for each, `2026-03-01T18:00+01:00 1234`, one more while watching
is paused, and is on its way to the disk before the first row of an hour is. So after a kill at any
moment it names what the table lacks, and nothing else has to be read; only the time watched since
its last writing is lost.
"""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from edge.diary.hour_grid import HOUR, hour_of, hours_between
from edge.notes import EventWord

NAME = "unfinished-hours.txt"
#: Seconds of watching that a kill may cost.
SAVE_EVERY_S = 300
#: A camera may give a picture in ten seconds (`camera.fps` 0.1); a longer gap was not watched.
_LONGEST_GAP_S = 10.0


class Open(NamedTuple):
    """An hour that is not in the table."""

    watched_s: float = 0.0
    visits: int = 0
    """How often it became the hour under way."""


class Unfinished:
    """The file's content; `touch` and `watch` are for the loop, the rest for other threads."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._guard, self._writing = threading.Lock(), threading.Lock()
        self._hours, self._paused = _read(self._path)
        self._now: datetime | None = None
        self._source_s: float | None = None
        self._saved_s = 0.0
        self.changed = False
        """Whether `save` has something to write."""
        self.ended = False
        """Set when another hour has begun; reset by whoever takes `due`."""

    def touch(self, time: datetime, note: str = "") -> None:
        """Note that a row of this time follows; `note` is that of an event."""
        if self._now is None or not self._now <= time < self._now + HOUR:
            self._enter(hour_of(time))
        if note == EventWord.PAUSED:
            self._paused, self.changed = self._paused or time, True
        elif self._paused and note in ("", EventWord.RESUMED):
            with self._guard:  # none of the hours between has a row
                for start in hours_between(self._paused, time):
                    self._hours.setdefault(start, Open())
            self._paused, self.changed = None, True

    def watch(self, time: datetime, source_s: float) -> None:
        """Count the time since the picture before, up to this one."""
        if self._now is None or not self._now <= time < self._now + HOUR:
            self._enter(hour_of(time))
        assert self._now is not None
        before_s, self._source_s = self._source_s, source_s
        if before_s is not None and 0 < source_s - before_s <= _LONGEST_GAP_S:
            known = self._hours[self._now]
            watched_s = known.watched_s + source_s - before_s
            self._hours[self._now] = known._replace(watched_s=watched_s)
            self.changed |= watched_s - self._saved_s >= SAVE_EVERY_S

    def _enter(self, start: datetime) -> None:
        with self._guard:
            known = self._hours.get(start, Open())
            self._hours[start] = known._replace(visits=known.visits + 1)
        self._now, self._saved_s = start, known.watched_s
        self.changed = self.ended = True

    def leave(self, now: datetime) -> None:
        """End the hour under way if it is over: nothing more is written. A video's may be."""
        if self._now is not None and self._now + HOUR <= now:
            self._now = None

    def due(self) -> dict[datetime, Open]:
        """Return the hours that are over."""
        with self._guard:
            return {at: known for at, known in self._hours.items() if at != self._now}

    def opened(self) -> list[datetime]:
        """Return the hours that the table may lack, that under way too."""
        with self._guard:
            return list(self._hours)

    def done(self, hours: dict[datetime, Open]) -> None:
        """Remove what `due` returned, unless it went on since."""
        with self._guard:
            for start, known in hours.items():
                if self._hours.get(start) == known:
                    del self._hours[start]
        self.save()

    def save(self) -> None:
        """Write the file; may raise `OSError`."""
        with self._writing:
            self.changed = False
            with self._guard:
                lines = [
                    f"{start.isoformat(timespec='minutes')} {known.watched_s:.0f}\n"
                    for start, known in self._hours.items()
                ]
                self._saved_s = self._hours[self._now].watched_s if self._now in self._hours else 0
            if self._paused:
                lines.append(f"{EventWord.PAUSED} {self._paused.isoformat()}\n")
            part = self._path.with_name(f"{NAME}.tmp")
            part.write_text("".join(lines))
            part.chmod(0o640)
            part.rename(self._path)


def read(directory: Path) -> dict[datetime, float]:
    """Return the unfinished hours, and the seconds for which each was watched."""
    return {at: known.watched_s for at, known in _read(directory / NAME)[0].items()}


def _read(path: Path) -> tuple[dict[datetime, Open], datetime | None]:
    """Return the hours, and since when watching is paused."""
    found: dict[datetime, Open] = {}
    paused: datetime | None = None
    try:
        for first, second in map(str.split, path.read_text().splitlines()):
            if first == EventWord.PAUSED:
                paused = datetime.fromisoformat(second)
            else:
                found[datetime.fromisoformat(first)] = Open(float(second))
    except (OSError, ValueError):  # missing, or torn by a power cut
        return found, paused
    return found, paused
