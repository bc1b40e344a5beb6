"""Read the diary: the current file and its archives, plain or compressed, row by row.

Memory does not grow with the number of rows. For new rows see `follow`.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from edge.diary.faults import Faults
from edge.diary.parser import Parser
from edge.diary.schema import Row, parse_header
from edge.diary.span import Span, span
from edge.diary.values import FIRST, LAST

#: More rows of one second than this are not sorted, so that memory is bounded.
_SECOND_ROWS = 1000


def rows(path: Path, start: datetime | None = None, faults: Faults | None = None) -> Iterator[Row]:
    """Yield the complete rows of one file as they are there, from `start` on.

    What is not a row is skipped, and `faults` hears of it. A missing file has no rows. Raises
    `PermissionError`.
    """
    faults = faults or Faults()
    faults.enter(path)
    parser, number = Parser(path, faults), 0
    is_before = _before(start)
    try:
        with contextlib.suppress(FileNotFoundError), open_text(path) as file:
            for number, line in enumerate(file, 1):
                if is_before and is_before(line):
                    continue
                row = parser.row(line, number)
                if row and (start is None or row.time >= start):
                    yield row
            if not number:
                faults.empty()
    except PermissionError:
        raise
    except (EOFError, zlib.error, OSError) as error:
        faults.unreadable(number + 1, error)
    faults.leave()


def open_binary(path: Path) -> io.BufferedIOBase:
    """Open a file, or what it has been compressed to since.

    Raises `FileNotFoundError`, and `IsADirectoryError` where that is there instead.
    """
    if not path.exists():  # compressed since it was listed
        path = path.with_name(path.name + ".gz")
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not path.is_file():
        raise FileNotFoundError(path)
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def open_text(path: Path) -> TextIO:
    """Open a file as `open_binary` does, for its lines."""
    binary = cast(BinaryIO, open_binary(path))
    return io.TextIOWrapper(binary, encoding="utf-8", errors="surrogateescape", newline="\n")


def _before(start: datetime | None) -> Callable[[str], bool] | None:
    """Return what tells rows of before `start` by their text, ten times as fast as parsing them.

    Only lines with the same UTC offset can be compared; others may be from before.
    """
    if start is None:
        return None
    stamp = start.isoformat(timespec="milliseconds")
    local, offset = stamp[:23], stamp[23:]
    return lambda line: line[:23] < local and line[23:29] == offset


def between(
    paths: Iterable[Path],
    start: datetime | None = None,
    end: datetime | None = None,
    faults: Faults | None = None,
) -> Iterator[Row]:
    """Yield the rows from `start` to before `end` (None: no limit), by their own times.

    Rows of one second are sorted by face. Files whose rows lie elsewhere are not read.
    """
    faults = faults or Faults()
    for path in paths:
        if in_span(path, start, end):
            found = by_second(rows(path, start, faults))
            yield from (row for row in found if end is None or row.time < end)


def in_span(path: Path, start: datetime | None, end: datetime | None) -> bool:
    """Return whether a file may have rows from `start` to before `end`; only its ends are read."""
    if start is None and end is None:
        return True
    found = _span(path)
    return found is None or found.may_have(start, end)


def newest(paths: Iterable[Path]) -> datetime | None:
    """Return the time of the last row of the last file that has any."""
    return next((found.last for path in reversed([*paths]) if (found := _span(path))), None)


def _span(path: Path) -> Span | None:
    return span(path if path.exists() else path.with_name(path.name + ".gz"))


def by_second(found: Iterable[Row]) -> Iterator[Row]:
    """Yield readings that follow each other within a second sorted by face, then by time.

    An event stays where it is.
    """
    second, group = "", list[Row]()
    for row in found:
        stamp = row.values[0][:19]
        if stamp != second or row.face is None or len(group) >= _SECOND_ROWS:
            yield from _by_face(group)
            second, group = stamp, []
        if row.face is None:
            yield row
        else:
            group.append(row)
    yield from _by_face(group)


def _by_face(group: list[Row]) -> list[Row]:
    if len(group) > 1:
        group.sort(key=lambda row: row.face or 0)
    return group


def tail(
    count: int, paths: Iterable[Path], read: Callable[[Iterable[Path]], Iterator[Row]]
) -> tuple[list[Path], int]:
    """Return the newest files in which `read` finds `count` rows, and how many more it finds.

    Rows are only counted, so that memory does not grow with `count`.
    """
    kept: list[Path] = []
    surplus = -count
    for path in reversed([*paths]):
        if surplus >= 0:
            break
        kept.insert(0, path)
        surplus += sum(1 for _ in read([path]))
    return kept, max(0, surplus)


def columns_of(
    paths: Iterable[Path], first: tuple[str, ...] = (), *, within: bool = True
) -> tuple[str, ...]:
    """Return the columns of all files: each model's expressions in the order of appearance.

    Those of the header `first` come before. A header that is not a file's first line counts
    `within`: all of the file is read for it.
    """
    labels = dict.fromkeys(first[len(FIRST) : -len(LAST)])
    for path in paths:
        for columns in _headers(path, None if within else 1):
            labels |= dict.fromkeys(columns[len(FIRST) : -len(LAST)])
    return (*FIRST, *labels, *LAST)


def _headers(path: Path, lines: int | None) -> Iterator[tuple[str, ...]]:
    try:
        with contextlib.suppress(FileNotFoundError), open_text(path) as file:
            begin = islice(file, lines)
            heads = (line for line in begin if line.startswith(("time,", "\ufefftime,")))
            yield from filter(None, map(parse_header, heads))
    except (EOFError, zlib.error, OSError):  # `rows` says so
        return
