"""Reads the diary: the current file and the rotated ones, plain or compressed."""

from __future__ import annotations

import csv
import gzip
import os
import re
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

NAME = "expressions.csv"
ROTATED = re.compile(r"expressions-(\d{4}-\d{2}-\d{2})(?:\.(\d+))?\.csv(\.gz)?")
_FOLLOW_S = 0.5


class Row(NamedTuple):
    """One line of a diary with its file's header. `face` is None for an event without a face."""

    time: datetime
    face: int | None
    header: tuple[str, ...]
    values: tuple[str, ...]

    def as_dict(self) -> dict[str, str]:
        """Values by the names of their columns."""
        return dict(zip(self.header, self.values, strict=True))


def header(labels: Iterable[str]) -> str:
    """The first line, without its end, for a model with these labels."""
    chances = ",".join(f"p_{label}" for label in labels)
    return f"time,face,emotion,confidence,{chances},x,y,width,height,note"


def rotated(directory: Path) -> Iterator[tuple[str, int, Path]]:
    """The old files, as `(day, number, path)`, oldest first; of a pair the finished `.gz`."""
    found: dict[tuple[str, int], Path] = {}
    for path in sorted(directory.glob("expressions-*")):  # .csv.gz comes after .csv
        match = ROTATED.fullmatch(path.name)
        if match:
            found[match[1], int(match[2] or 0)] = path
    for day, number in sorted(found):
        yield day, number, found[day, number]


def files(directory: Path) -> list[Path]:
    """All files of the diary, oldest first."""
    current = directory / NAME
    return [path for _, _, path in rotated(directory)] + ([current] if current.exists() else [])


def rows(path: Path) -> Iterator[Row]:
    """The whole rows of one file; torn ones, as after a power cut, are passed over."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", errors="replace", newline="") as file:
        yield from parse(line for line in file if line.endswith("\n") and "\0" not in line)


def parse(lines: Iterable[str], head: tuple[str, ...] = ()) -> Iterator[Row]:
    """Rows from lines of CSV, the first of which is the header unless `head` is given."""
    for values in csv.reader(lines):
        if values[:3] == ["time", "face", "emotion"]:
            head = tuple(values)
        elif head and len(values) == len(head):
            try:
                yield Row(
                    datetime.fromisoformat(values[0]),
                    int(values[1]) if values[1] else None,
                    head,
                    tuple(values),
                )
            except ValueError:
                continue


def last_face(directory: Path) -> int:
    """The highest face number in use, 0 for none.

    Numbers only grow, so the file last written to has the highest: the current one, or, just after
    it was rotated, the newest of the others.
    """
    by_age = sorted(files(directory), key=lambda path: (path.name == NAME, path.stat().st_mtime))
    for path in reversed(by_age):
        highest = max((row.face or 0 for row in rows(path)), default=0)
        if highest:
            return highest
    return 0


def since(paths: Iterable[Path], start: datetime | None) -> Iterator[Row]:
    """The rows from `start` on, by their own times: a clock jump makes file names unreliable."""
    for path in paths:
        # No file holds rows much younger than its last change; a video's may lead by its length.
        if start and path.stat().st_mtime < start.timestamp() - 86400:
            continue
        yield from (row for row in rows(path) if start is None or row.time >= start)


def follow(directory: Path) -> Iterator[Row]:
    """The rows of the current file, then each as it is appended, across rotations, for ever."""
    return parse(_lines(directory / NAME))


def _lines(path: Path) -> Iterator[str]:
    while True:
        if _inode(path) is None:
            time.sleep(_FOLLOW_S)
            continue
        with path.open("rb") as file:
            replaced = False
            while not replaced:
                # Asked before reading: what was written before the rotation is read after it.
                replaced = _inode(path) != os.fstat(file.fileno()).st_ino
                while (line := file.readline()).endswith(b"\n"):
                    yield line.decode("utf-8", "replace")
                file.seek(-len(line), os.SEEK_CUR)
                if not replaced:
                    time.sleep(_FOLLOW_S)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None
