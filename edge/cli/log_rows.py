"""Which rows `fer-edge log` prints."""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Protocol

from edge.diary import layout, reader
from edge.diary.faults import Faults
from edge.diary.follow import Follower
from edge.diary.schema import CONFIDENCE, EMOTION, NOTE, Row
from edge.diary.tail import last_rows
from edge.notes import is_clear

#: As many rows are held in memory; more are counted first, and then read again.
_HELD_ROWS = 1000
#: What `--follow` begins with unless told otherwise.
_FOLLOW_ROWS = 10


class Read(Protocol):
    """Yields the selected rows of files; `faults` hears of the rest."""

    def __call__(self, paths: Iterable[Path], faults: Faults) -> Iterator[Row]:
        """Read the files, oldest first."""


def selection(options: argparse.Namespace) -> Callable[[Row], bool] | None:
    """Return what a row must be beside its time; None if any will do."""
    tests: list[Callable[[Row], bool]] = []
    if options.emotion:
        tests.append(lambda row: row.values[EMOTION] == options.emotion)
    if options.face is not None:
        tests.append(lambda row: row.face == options.face)
    if options.min_confidence is not None:
        tests.append(lambda row: float(row.values[CONFIDENCE]) >= options.min_confidence)
    if options.no_doubtful:
        tests.append(lambda row: is_clear(row.values[NOTE].split()))
    if tests:  # on readings
        tests.insert(0, lambda row: row.face is not None)
    return (lambda row: all(test(row) for test in tests)) if tests else None


def last(
    paths: list[Path], options: argparse.Namespace, read: Read, faults: Faults
) -> tuple[list[Path], Iterator[Row]]:
    """Return the last rows, and the files that they are in: as a rule the end of the last one."""
    if options.last <= _HELD_ROWS and paths and paths[-1].name == layout.NAME:
        with suppress(FileNotFoundError), paths[-1].open("rb") as file:
            found = last_rows(file, options.last, _in_time(options), faults)
            if found is not None and found.whole:
                return paths[-1:], iter(found.rows)
    return _tail(options.last, paths, read, faults)


def _tail(
    count: int, paths: Iterable[Path], read: Read, faults: Faults
) -> tuple[list[Path], Iterator[Row]]:
    """Count the rows of the newest files, and read them again: memory does not grow."""
    kept, surplus = reader.tail(count, paths, lambda some: read(some, Faults(None)))
    return kept, islice(read(kept, faults), surplus, None)


def _in_time(options: argparse.Namespace) -> Callable[[Iterable[Row]], Iterator[Row]]:
    """Return what lets pass the rows that the options ask for."""
    selects, since, until = selection(options), options.since, options.until

    def select(rows: Iterable[Row]) -> Iterator[Row]:
        in_time = (
            row
            for row in rows
            if (since is None or row.time >= since) and (until is None or row.time < until)
        )
        return filter(selects, in_time)

    return select


def following(
    directory: Path, options: argparse.Namespace, read: Read, faults: Faults
) -> Iterator[Row]:
    """Yield the last rows, or all since `--since`, then each as it is written; never ends."""
    count = options.last or (None if options.since else _FOLLOW_ROWS)
    follower, select = Follower(directory, faults), _in_time(options)
    if count is None:
        yield from read(follower.archives, faults)
    elif count <= _HELD_ROWS and (found := follower.last_rows(count, select)):
        yield from found
        count = None
    recent = deque[Row](maxlen=count)
    for row in follower.rows():
        if row is None and count is not None:
            _, before = _tail(count - len(recent), follower.archives, read, Faults())
            yield from before
            yield from recent
            count = None
        elif row and any(select([row])):
            if count is None:
                yield row
            else:
                recent.append(row)
