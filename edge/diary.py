"""Reads the diary: the current file and the rotated ones, plain or compressed."""

from __future__ import annotations

import contextlib
import gzip
import logging
import math
import os
import re
import time
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from edge.errors import first_line

NAME = "expressions.csv"
#: The note of rows written before anybody told the machine the time.
CLOCK = "clock"
ROTATED = re.compile(r"expressions-(\d{4}-\d{2}-\d{2})(?:\.(\d+))?\.csv(\.gz)?")
_FIRST = ["time", "face", "emotion", "confidence"]
_LAST = ["x", "y", "width", "height", "note"]
_FOLLOW_S = 0.5
log = logging.getLogger(__name__)


class Row(NamedTuple):
    """One line of a diary with its file's header. `face` is None for an event without a face."""

    time: datetime
    face: int | None
    header: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def day(self) -> str:
        """The day of its time, `YYYY-MM-DD`."""
        return self.time.date().isoformat()

    @property
    def sure(self) -> bool:
        """Whether the clock was right, so far as was known."""
        return CLOCK not in self.values[-1].split()

    def as_dict(self) -> dict[str, str]:
        """Values by the names of their columns."""
        return dict(zip(self.header, self.values, strict=True))


def header(labels: Iterable[str]) -> str:
    """The first line, without its end, for a model with these labels."""
    chances = ",".join(f"p_{label}" for label in labels)
    return ",".join([*_FIRST, chances, *_LAST])


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
    """The whole rows of one file; what is torn or damaged in it is passed over."""
    if not path.is_file():  # compressed since somebody listed it, or never a diary
        path = path.with_name(path.name + ".gz")
    if not path.is_file():
        return
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            yield from parse(file)
    except (EOFError, gzip.BadGzipFile, zlib.error, FileNotFoundError) as error:
        log.warning("%s: cannot be read to its end: %s", path, first_line(error))


def parse(lines: Iterable[str]) -> Iterator[Row]:
    """Rows from lines with their ends, the first of which is the header.

    No value of ours holds a comma or a quote, so commas separate and nothing else has a meaning:
    a stray quote in a damaged line must not swallow those after it.
    """
    head: tuple[str, ...] = ()
    for line in lines:
        head = columns(line) or head
        if found := row(head, line):
            yield found


def columns(line: str) -> tuple[str, ...]:
    """The names in a header; empty for a line that is none."""
    values = _values(line)
    return values if [*values[:4]] == _FIRST and [*values[-5:]] == _LAST else ()


def row(head: tuple[str, ...], line: str) -> Row | None:
    """The row that is this line, with its end, under the header `head`; None if it is torn."""
    values = _values(line)
    whole = line.endswith("\n") and len(values) == len(head)
    if not whole or not all(map(str.isprintable, values)):
        return None
    try:
        stamp = datetime.fromisoformat(values[0])
        face = int(values[1]) if values[1] else None
    except ValueError:
        return None
    return Row(stamp, face, head, values) if stamp.tzinfo else None


def _values(line: str) -> tuple[str, ...]:
    return tuple(line.removesuffix("\n").removesuffix("\r").split(","))


def last_face(directory: Path) -> int:
    """The highest face number in use, 0 for none.

    Numbers only grow, so the current file has the highest. Where it was just begun, all others
    are asked: a clock that jumped makes neither their names nor their times tell their order.
    """
    try:
        old = [path for _, _, path in rotated(directory)]
        return _highest([directory / NAME]) or _highest(old)
    except OSError:  # where we may not read we cannot write either, and the journal says so
        return 0


def _highest(paths: Iterable[Path]) -> int:
    faces = (row.face for path in paths for row in rows(path) if row.face is not None)
    return max(faces, default=0)


def since(paths: Iterable[Path], start: datetime | None) -> Iterator[Row]:
    """The rows from `start` on, by their own times: a clock jump makes file names unreliable."""
    for path in paths:
        # No file holds rows much younger than its last change; a video's may lead by its length.
        if start and _changed_s(path) < start.timestamp() - 86400:
            continue
        yield from (row for row in rows(path) if start is None or row.time >= start)


def _changed_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # `rows` knows where it went
        return math.inf


def follow(directory: Path) -> Iterator[Row]:
    """The rows of the current file, then each as it is appended, across rotations, for ever."""
    return parse(_lines(directory / NAME))


def _lines(path: Path) -> Iterator[str]:
    while True:
        if _inode(path) is None:
            time.sleep(_FOLLOW_S)
            continue
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            replaced = False
            while not replaced:
                # Asked before reading: what was written before the rotation is read after it.
                ours = os.fstat(file.fileno())
                replaced = _inode(path) != ours.st_ino
                if ours.st_size < file.tell():  # emptied, and begun anew
                    file.seek(0)
                while (line := file.readline()).endswith(b"\n"):
                    yield line.decode("utf-8", "surrogateescape")
                file.seek(-len(line), os.SEEK_CUR)
                if not replaced:
                    time.sleep(_FOLLOW_S)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None
