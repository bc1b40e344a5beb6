"""Time range of a diary file, found without reading all of it.

All rows of a file that the writer made are of one local day, so its first and last row say when the
others are. An archive carries both in its gzip header's comment, and need not be decompressed.
"""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from edge.diary.schema import Row, parse_header, parse_row

#: Enough for a header and some rows.
_END_BYTES, _BLOCK_BYTES = 1 << 16, 1 << 20
#: How far a row between the first and the last may lie outside: the clock may jump within a day.
_MARGIN = timedelta(days=1)
#: A gzip header (RFC 1952) with nothing but a comment, which a zero byte ends.
_GZIP_HEADER = b"\x1f\x8b\x08\x10\0\0\0\0\x02\xff"
_COMMENT = "rows from {} to {}"
_COMMENT_BYTES = 200


class Span(NamedTuple):
    """The times of the first and the last row; after a clock jump `last` may be the earlier."""

    first: datetime
    last: datetime

    def may_have(self, start: datetime | None, end: datetime | None) -> bool:
        """Return whether a row of the file may lie between `start` and `end` (None: no limit)."""
        late = start is None or start - max(self) <= _MARGIN
        return late and (end is None or min(self) - end <= _MARGIN)


def span(path: Path) -> Span | None:
    """Return when the rows of a file begin and end; None if it has none or cannot be read.

    A compressed file without the comment is decompressed. As a rule only the ends are parsed.
    """
    try:
        with path.open("rb") as raw:
            if path.suffix != ".gz":
                return _of_ends(raw, os.fstat(raw.fileno()).st_size)
            if found := _of_comment(raw.read(_COMMENT_BYTES)):
                return found
            raw.seek(0)
            with gzip.open(raw) as file:
                return _of_stream(cast(BinaryIO, file))
    except (EOFError, zlib.error, OSError):  # `reader.rows` says so
        return None


def gzip_header(span: Span | None) -> bytes:
    """Return the header of a gzip file that carries `span`; raw deflate data follow it."""
    comment = _COMMENT.format(span.first.isoformat(), span.last.isoformat()) if span else ""
    return _GZIP_HEADER + comment.encode("ascii") + b"\0"


def _of_comment(head: bytes) -> Span | None:
    if not head.startswith(_GZIP_HEADER):
        return None
    words = head[len(_GZIP_HEADER) :].partition(b"\0")[0].decode("latin-1").split()
    try:
        first, last = (datetime.fromisoformat(word) for word in words[2::2])
    except ValueError:  # another program's comment
        return None
    return Span(first, last) if first.tzinfo and last.tzinfo else None


def _of_ends(file: BinaryIO, size: int) -> Span | None:
    head = file.read(_END_BYTES)
    file.seek(max(0, size - _END_BYTES))
    return _of_text(head, file.read()) or _of_all(file)


def _of_stream(file: BinaryIO) -> Span | None:
    head = tail = file.read(_END_BYTES)
    while block := file.read(_BLOCK_BYTES):
        tail = (tail + block)[-_END_BYTES:]
    return _of_text(head, tail) or _of_all(file)


def _of_text(head: bytes, tail: bytes) -> Span | None:
    first = next(_rows(io.BytesIO(head)), None)
    last = deque(_rows(io.BytesIO(tail), first.header if first else ()), maxlen=1)
    return Span(first.time, last[0].time) if first and last else None


def _of_all(file: BinaryIO) -> Span | None:
    """Look for rows between the ends, which have none, or of another model."""
    file.seek(0)
    rows = _rows(file)
    if first := next(rows, None):
        return Span(first.time, deque(chain([first], rows), maxlen=1)[0].time)
    return None


def _rows(lines: Iterable[bytes], columns: tuple[str, ...] = ()) -> Iterator[Row]:
    """Yield the rows; the first ones are under these columns."""
    for line in lines:
        text = line.decode("utf-8", "surrogateescape")
        if row := parse_row(columns, text):
            yield row
        elif header := parse_header(text):
            columns = header
