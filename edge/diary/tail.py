"""The last rows of a file, read from its end."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from edge.diary.faults import Faults
from edge.diary.parser import Parser
from edge.diary.reader import by_second
from edge.diary.schema import CONFIDENCE, EMOTION, Row, parse_header
from edge.diary.values import FIRST

#: Read at first, and how many times more where that was not enough.
_BLOCK_BYTES, _MORE = 1 << 16, 4
_HEADER_BYTES = 1 << 16


class Tail(NamedTuple):
    """The last rows, the very last in the file, their columns, and where its last line ends.

    What is behind that, if it is not `whole`, is a line without an end.
    """

    rows: list[Row]
    last: Row
    columns: tuple[str, ...]
    end: int
    whole: bool


def last_rows(
    file: BinaryIO,
    count: int,
    select: Callable[[Iterable[Row]], Iterator[Row]],
    faults: Faults | None = None,
) -> Tail | None:
    """Return the last `count` rows of `file` that `select` lets pass, those of one second by face.

    None if the file has fewer, or must be read from its beginning: another model's header may be
    somewhere within. `faults` hears what is wrong with the part that was read. Memory grows with
    `count`.
    """
    path = Path(file.name)
    file.seek(0)
    columns = parse_header(_text(file.readline(_HEADER_BYTES)))
    begin, size, block = file.tell(), os.fstat(file.fileno()).st_size, _BLOCK_BYTES
    while columns and block < size - begin:
        file.seek(size - block)
        file.readline()
        at = file.tell()
        lines, _, rest = file.read(size - at).rpartition(b"\n")
        parser = Parser(path, Faults(None), columns)
        read = [*_parsed(parser, lines)]
        if not all(map(_is_under_its_header, read)):
            return None
        rows = [*select(by_second(read))]
        # The second that the block begins with may not be whole.
        if len(rows) > count and rows[-count].time.replace(microsecond=0) > read[0].time:
            _report(path, columns, lines, faults or Faults(), file.fileno(), at)
            return Tail(rows[-count:], read[-1], parser.columns, at + len(lines) + 1, not rest)
        block *= _MORE
    return None


def _report(
    path: Path, columns: tuple[str, ...], lines: bytes, faults: Faults, fd: int, at: int
) -> None:
    """Parse the lines, which begin `at`, once more, now that no more are needed."""
    faults.enter(path)
    faults.lines_before = cache(lambda: lines_before(fd, at))
    for _ in _parsed(Parser(path, faults, columns), lines):
        pass
    faults.leave()


def _parsed(parser: Parser, lines: bytes) -> Iterator[Row]:
    for number, line in enumerate(io.BytesIO(lines + b"\n"), 1):
        if row := parser.row(_text(line), number):
            yield row


def lines_before(fd: int, at: int) -> int:
    """Return how many lines of an open file end before the place `at`."""
    count = done = 0
    while block := os.pread(fd, min(_BLOCK_BYTES, at - done), done):
        count, done = count + block.count(b"\n"), done + len(block)
    return count


def _is_under_its_header(row: Row) -> bool:
    """Return whether the expression's probability is the confidence, as the writer writes it."""
    if row.face is None:
        return True
    try:
        at = row.header.index(f"p_{row.values[EMOTION]}", len(FIRST))
    except ValueError:
        return False
    return row.values[at] == row.values[CONFIDENCE]


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")
