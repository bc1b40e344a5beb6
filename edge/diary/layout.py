"""The files of a diary: `expressions.csv`, the current one, and its archives.

An archive is `expressions-YYYY-MM-DD[.N].csv`, later `.csv.gz`. Its name gives the order in which
files are read; the times of its rows are only in the rows: the clock may have been wrong.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path

NAME = "expressions.csv"
#: Held while archives or the table of hours change, see `edge.filelock.hold`.
LOCK = "upkeep.lock"
#: What names of archives, and of files on their way to be one, begin with.
ARCHIVE_STEM = "expressions-"
ARCHIVE = re.compile(r"expressions-(\d{4}-\d{2}-\d{2})(?:\.(\d+))?\.csv(\.gz)?")


def archives(directory: Path) -> Iterator[tuple[str, int, Path]]:
    """Yield `(day, number, path)`, oldest first; of a pair only the finished `.gz`."""
    found: dict[tuple[str, int], Path] = {}
    for path in sorted(directory.glob("expressions-*")):  # .csv.gz comes after .csv
        match = ARCHIVE.fullmatch(path.name)
        if match:
            found[match[1], int(match[2] or 0)] = path
    for day, number in sorted(found):
        yield day, number, found[day, number]


def files(directory: Path) -> list[Path]:
    """Return all files of the diary, oldest first."""
    current = directory / NAME
    return [path for _, _, path in archives(directory)] + ([current] if current.exists() else [])


def next_of_today(directory: Path, stem: str) -> Path:
    """Return a path, with nothing there yet, for a file that is kept: `STEM-YYYY-MM-DD[.N].csv`."""
    day = f"{stem}-{date.today().isoformat()}"
    names = (f"{day}.{number}.csv" if number else f"{day}.csv" for number in count())
    return next(path for name in names if not os.path.lexists(path := directory / name))


def next_archive(directory: Path, day: str) -> Path:
    """Return a path for an archive of `day` that comes after those that are there."""
    taken = [number for d, number, _ in archives(directory) if d == day]
    suffix = f".{max(taken) + 1}" if taken else ""
    return directory / f"expressions-{day}{suffix}.csv"
