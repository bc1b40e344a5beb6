"""From rows to hours: counts what `daily` keeps of each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from edge.diary.faults import Faults
from edge.diary.hour import AWAY_S, Hour
from edge.diary.hour_grid import HOUR, hours_between
from edge.diary.hour_sums import HOUR_S, HourSums, Stretch
from edge.diary.lines import Cut, Lines
from edge.diary.schema import parse_model_note
from edge.notes import EventWord, is_clear

#: A longer pause is a clock that was put wrong.
_LONGEST_PAUSE = timedelta(days=366)


def tally(
    paths: Iterable[Path],
    start: datetime | None = None,
    end: datetime | None = None,
    faults: Faults | None = None,
) -> list[Hour]:
    """Return the hours of which the files have rows, oldest first.

    Only what lies from `start` to before `end`, whole seconds, is counted. The files are in the
    order of `layout.files`; `faults` hears what is wrong with them. Raises `PermissionError`.
    """
    counted = Tally(start, end, faults or Faults())
    for path in paths:
        counted.read(path)
    return counted.hours()


class Tally:
    """Hours while rows are being read."""

    def __init__(self, start: datetime | None, end: datetime | None, faults: Faults) -> None:
        self._start, self._end, self._faults = start, end, faults
        # Which second of the hour `:04:05` is. Not for good: the service counts once an hour.
        self._seconds = {f":{at // 60:02}:{at % 60:02}": at for at in range(HOUR_S)}
        self._hours: dict[datetime, HourSums] = {}
        self._now: HourSums | None = None
        self._model, self._step_s = "", 1
        self._paused: datetime | None = None

    def read(self, path: Path) -> None:
        """Count the rows of one file."""
        self._model, self._step_s = "", 1  # the file says
        for hour, _, rows in Lines(path, self._faults):
            self._enter(hour)
            self._count(rows)

    def _count(self, rows: list[Cut]) -> None:
        sums, seconds = self._now, self._seconds
        assert sums is not None
        seen, counts, stretches = sums.seen, sums.counts, sums.stretches
        low, high, away_s = sums.low, sums.high, sums.step_s + AWAY_S
        for row in rows:
            _, at, _, face, emotion, note = row
            if not face:
                self._event(row)
                away_s = sums.step_s + AWAY_S
                continue
            if self._paused:  # nobody noted that it was over
                self._resume(_time(row))
            second = seconds[at]
            if not low <= second < high:
                continue
            sums.readings += 1
            seen[second] = 1
            if note and is_doubtful(note):
                continue
            counts[emotion] += 1
            known = stretches.get(face)
            if known and known.emotion == emotion and 0 <= second - known.end <= away_s:
                known.end = second
                continue
            if known:
                sums.end(known)
            stretches[face] = Stretch(emotion, second, second)

    def hours(self) -> list[Hour]:
        """Return what was counted, oldest first; nothing more can be read."""
        if self._now:
            self._now.leave()
            self._now = None
        found = (self._hours[start].hour() for start in sorted(self._hours))
        return [*filter(None, found)]

    def _enter(self, start: datetime) -> None:
        before, sums = self._now, self._at(start)
        if before and before is not sums:
            before.leave()
        self._now = sums
        sums.enter(self._model, self._step_s)

    def _at(self, start: datetime) -> HourSums:
        """Return the sums of an hour, with the part of it that is asked for."""
        if start not in self._hours:
            low = (self._start - start).total_seconds() if self._start else 0
            high = (self._end - start).total_seconds() if self._end else HOUR_S
            sums = HourSums(start, max(0, int(low)), min(HOUR_S, int(high)))
            self._hours[start] = sums
        return self._hours[start]

    def _event(self, row: Cut) -> None:
        _, at, _, _, _, note = row
        word, _, name = note.partition(" ")[0].partition(":")
        sums = self._now
        assert sums is not None
        if found := parse_model_note(note):
            self._model, self._step_s = found[0], max(1, round(found[1]))
            sums.enter(self._model, self._step_s)
        elif word == EventWord.RAISED:
            if sums.low <= self._seconds[at] < sums.high:
                sums.raised[name] += 1
        elif word == EventWord.PAUSED:
            self._paused = self._paused or _time(row)
        elif word == EventWord.RESUMED:
            self._resume(_time(row))

    def _resume(self, end: datetime) -> None:
        """Count a pause in every hour that it touches."""
        begin, self._paused = self._paused, None
        if begin is None or end - begin > _LONGEST_PAUSE:
            return
        begin = max(begin, self._start) if self._start else begin
        end = min(end, self._end) if self._end else end
        for start in hours_between(begin, end):
            over = min(end, start + HOUR) - max(begin, start)
            self._at(start).paused_s += over.total_seconds()


def _time(row: Cut) -> datetime:
    stamp, second, zone, *_ = row
    return datetime.fromisoformat(stamp + second + zone)


@lru_cache(1000)
def is_doubtful(note: str) -> bool:
    """Return whether a row's note says that its reading is not clear."""
    return not is_clear(note.split())
