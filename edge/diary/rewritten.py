"""Where to go on in a diary file that was rewritten while it was read."""

from __future__ import annotations

import io
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from edge.diary.faults import Faults
from edge.diary.parser import Parser
from edge.diary.schema import Row, parse_header

_BLOCK_BYTES = 1 << 16


def whole_lines(fd: int, at: int) -> Iterator[bytes]:
    """Yield the lines from `at` on that have their ends."""
    rest = b""
    while block := os.pread(fd, _BLOCK_BYTES, at + len(rest)):
        whole, end, rest = (rest + block).rpartition(b"\n")
        yield from io.BytesIO(whole + end)
        at += len(whole + end)


def end_of_copied(old: BinaryIO, text: bytes) -> int:
    """Return where in `text` the last line ends that `old` has, too.

    `fer-edge forget` copies lines into a new file, as editors do; new rows follow them.
    """
    if not os.fstat(old.fileno()).st_size:
        return 0
    with mmap.mmap(old.fileno(), 0, access=mmap.ACCESS_READ) as known:
        end = text.rfind(b"\n") + 1
        while end:
            begin = text.rfind(b"\n", 0, end - 1) + 1
            if known.find(b"\n" + text[begin:end]) >= 0:
                break
            end = begin
    return end


def end_of_known(file: BinaryIO, last: Row | None) -> tuple[int, tuple[str, ...]]:
    """Return where the last row ends that is not later than `last`, and its columns."""
    parser = Parser(Path(file.name), Faults(None))
    at = 0
    found: tuple[int, tuple[str, ...]] = (0, ())
    for line in whole_lines(file.fileno(), 0):
        at += len(line)
        row = parser.row(line.decode("utf-8", "surrogateescape"), 0)
        if row and last and (row.time, row.face or 0) <= (last.time, last.face or 0):
            found = at, row.header
    return found


def columns_at(text: bytes, end: int) -> tuple[str, ...]:
    """Return the columns of the last header before `end`."""
    begin = text.rfind(b"\ntime,", 0, end) + 1
    line = text[begin : text.find(b"\n", begin)] if end else b""
    return parse_header(line.decode("utf-8", "surrogateescape"))
