"""Recovers a diary file whose end was torn by a power cut."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import BinaryIO, NamedTuple

from edge.diary import layout
from edge.diary.schema import Row, is_whole, parse_header, parse_row

#: Bytes read at most for the header, and at first for the last rows.
_HEADER_BYTES, _TAIL_BYTES = 1 << 16, 1 << 20
log = logging.getLogger(__name__)


class Recovered(NamedTuple):
    """The file's size now, its last row, and the highest face number at its end (0 for none)."""

    size: int
    last: Row | None
    face: int


def rename_foreign(path: Path, header: bytes) -> None:
    """Rename the file at `path` if it is not a diary: archives are deleted in the end."""
    try:
        with path.open("rb") as file:
            first = file.readline(_HEADER_BYTES)
    except FileNotFoundError:
        return
    if parse_header(_text(first)) or header.startswith(first.rstrip(b"\0")):  # ours, or its begin
        return
    foreign = layout.next_of_today(path.parent, "not-a-diary")
    log.warning("%s: not a diary; renamed to %s", path, foreign.name)
    path.rename(foreign)


def recover(fd: int, header: bytes, path: Path) -> Recovered:
    """Cut off a torn end.

    A torn end is one that nobody wrote, such as zero bytes of blocks never written; a whole line
    with a wrong value is somebody's own, and stays. A line that lacks only its end gets it. A file
    whose first line is not a diary header is left as it is.
    """
    size = os.fstat(fd).st_size
    found = Recovered(size, None, 0)
    with open(fd, "rb", closefd=False) as file:
        file.seek(0)
        first = file.readline(_HEADER_BYTES)
        columns = parse_header(_text(first)) if first.endswith(b"\r\n") else ()
        if len(first) == size and header != first and header.startswith(first.rstrip(b"\0")):
            found = Recovered(0, None, 0)  # not even the header was complete
        elif columns:
            found = _tail(file, columns, len(first), size)
    if found.size < size:
        log.warning("%s: cut off a torn end of %d bytes", path, size - found.size)
        os.ftruncate(fd, found.size)
    if columns and os.pread(fd, 1, found.size - 1) != b"\n":
        os.write(fd, b"\r\n")
        found = found._replace(size=found.size + 2)
    return found


def _tail(file: BinaryIO, columns: tuple[str, ...], begin: int, size: int) -> Recovered:
    """Read the rows at the end of the file; if there are none there, all of them."""
    found = Recovered(begin, None, 0)
    for start in (size - _TAIL_BYTES, begin):
        at = max(start, begin)
        file.seek(at)
        for line in file:
            at += len(line)
            text = _text(line)
            if is_whole(columns, text):
                end, row = at - line.endswith(b"\r"), parse_row(columns, text)
                face = max(found.face, row.face or 0 if row else 0)
                found = Recovered(end, row or found.last, face)
        if found.last:
            break
    return found


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")
