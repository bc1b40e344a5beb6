"""The hours of a diary: those of the table, and those that only its rows know so far."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from edge import filelock
from edge.diary import daily, layout, unfinished
from edge.diary.faults import Faults
from edge.diary.hour import Hour
from edge.diary.hour_grid import HOUR, hour_of
from edge.diary.reader import in_span
from edge.diary.span import span
from edge.diary.tally import tally


def hours(
    directory: Path,
    start: datetime | None = None,
    end: datetime | None = None,
    faults: Faults | None = None,
) -> list[Hour]:
    """Return what is known from `start` to before `end`, whole seconds, oldest first.

    Read are the table, and the rows of days that are not in it, or not in full (see `_lacks`): as a
    rule those of today. If the table has lines that are not its rows, all rows are read. Of an hour
    that is only asked for in part the rows count, if they are still there. `faults` hears what is
    wrong with them. Raises `PermissionError`.
    """
    faults = faults or Faults()
    bad_lines = faults.bad_lines
    table = {hour.start: hour for hour in daily.read(directory, faults)}
    opened = unfinished.read(directory)
    partial = {hour_of(at) for at in (start, end) if at and at != hour_of(at)}
    days = set(map(_day, (*opened, *partial)))
    known = set() if faults.bad_lines > bad_lines else set(map(_day, table))

    def wanted(day: str, path: Path) -> bool:
        return day in days or day not in known or _lacks(table, path)

    paths = [path for path in _files(directory, wanted) if in_span(path, start, end)]
    found = {at: table.get(at, Hour(at)) for at in {**table, **opened}}
    watched_s = {at: max(hour.watched_s, opened.get(at, 0)) for at, hour in found.items()}
    for at in partial:
        if any(span(path) and in_span(path, at, at + HOUR) for path in paths):
            found.pop(at, None)
    for hour in tally(paths, start, end, faults):
        before = found.get(hour.start)
        if before is None or hour.readings >= before.readings:
            found[hour.start] = hour
    asked = []
    for at, hour in sorted(found.items()):
        if (asked_s := _asked_s(at, start, end)) > 0:
            most_s = max(hour.watched_s, watched_s.get(at, 0))
            asked.append(replace(hour, watched_s=round(min(most_s, asked_s))))
    return [*filter(None, asked)]


def _asked_s(at: datetime, start: datetime | None, end: datetime | None) -> float:
    """Return how much of the hour is asked for, seconds; 0 or less if nothing is."""
    begin = max(at, start) if start else at
    return (min(at + HOUR, end or at + HOUR) - begin).total_seconds()


def fold(directory: Path, watched_s: Mapping[datetime, float]) -> None:
    """Put hours that are over into the table, from all of their rows.

    `watched_s` has them, and for how long each was watched. Call it under `layout.LOCK`.
    """
    found = {at: Hour(at) for at in watched_s} | _counted(directory, watched_s)
    over = (
        replace(found[at], watched_s=max(found[at].watched_s, round(seconds)))
        for at, seconds in watched_s.items()
    )
    if daily.store(directory, filter(None, over)):
        _store_all(directory, Faults(None))  # of what the table lost, there may be rows


def counted(directory: Path, paths: list[Path], opened: Collection[datetime]) -> Iterator[Path]:
    """Yield those of `paths`, archives, of which the table has every hour: they may be deleted.

    First those of which it has them; then what it lacks of the others is put there. An archive with
    rows of an hour of `opened` is not yielded: more may follow. Call it under `layout.LOCK`.
    """
    paths = [path for path in paths if not _may_have(path, opened)]
    table = {hour.start for hour in daily.read(directory, Faults(None))} if paths else set()
    lacking = [path for path in paths if _lacks(table, path)]
    yield from (path for path in paths if path not in lacking)
    if lacking:
        hours = {hour.start for hour in tally(lacking, faults=Faults(None))}
        found = _counted(directory, hours - table - {*opened})
        daily.store(directory, filter(None, found.values()))
        yield from lacking


def rebuild(directory: Path, faults: Faults | None = None) -> int:
    """Bring all rows that are there into the table; return the number of hours that it has then.

    Hours whose rows are gone stay, and so does what rows do not tell: how long was watched.
    """
    faults = faults or Faults()
    with filelock.hold(directory / layout.LOCK):
        _store_all(directory, faults)
    return sum(1 for _ in daily.read(directory, Faults(None)))


def _store_all(directory: Path, faults: Faults) -> None:
    opened = unfinished.read(directory)
    found = tally(layout.files(directory), faults=faults)
    daily.store(directory, (hour for hour in found if hour.start not in opened))


def _counted(directory: Path, hours: Collection[datetime]) -> dict[datetime, Hour]:
    """Return what all rows say of `hours`."""
    days = set(map(_day, hours))
    # What cannot be read is for whoever reads the diary, not for every hour's log.
    found = tally(
        # An archive from before the clock was right is called after another day.
        _files(directory, lambda day, path: day in days or _may_have(path, hours)),
        faults=Faults(None),
    )
    return {hour.start: hour for hour in found if hour.start in hours}


def _may_have(path: Path, hours: Iterable[datetime]) -> bool:
    """Return whether a file's first and last row have one of `hours` between them."""
    found = span(path)
    return found is not None and any(hour_of(min(found)) <= at <= max(found) for at in hours)


def _files(directory: Path, wanted: Callable[[str, Path], bool]) -> list[Path]:
    """Return the archives that are `wanted`, by their days and paths, and the current file."""
    archives = [path for day, _, path in layout.archives(directory) if wanted(day, path)]
    return [*archives, directory / layout.NAME]


def _lacks(table: Container[datetime], path: Path) -> bool:
    """Return whether the table lacks the hour of an archive's first or last row.

    What it lacks between them would take reading all rows.
    """
    return any(hour_of(time) not in table for time in span(path) or ())


def _day(start: datetime) -> str:
    return start.date().isoformat()
