"""Mends a diary whose end a power cut tore."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import BinaryIO

from edge import diary

#: How much of a file is looked at for its header, and first for its last row.
_LONGEST, _END_BYTES = 1 << 16, 1 << 20
log = logging.getLogger(__name__)


def mend(fd: int, header: bytes, path: Path) -> tuple[int, diary.Row | None]:
    """Cuts off what a power cut left torn; the size then, and the last row.

    A torn end has no line end, or is no row, such as the zero bytes of blocks never written. A
    file that is not ours, by its first line, is left as it is.
    """
    whole = size = os.fstat(fd).st_size
    last = None
    with open(fd, "rb", closefd=False) as file:
        file.seek(0)
        first = file.readline(_LONGEST)
        head = diary.columns(_text(first))
        if len(first) == size and header != first and header.startswith(first.rstrip(b"\0")):
            whole = 0  # not even the header was finished
        elif head and first.endswith(b"\r\n"):
            whole, last = _last_row(file, head, len(first), size)
    if whole < size:
        log.warning("%s: its torn end, %d bytes, was cut off", path, size - whole)
        os.ftruncate(fd, whole)
    return whole, last


def _last_row(
    file: BinaryIO, head: tuple[str, ...], begin: int, size: int
) -> tuple[int, diary.Row | None]:
    """Where the last whole row ends, and that row; `begin` and None where there is no row."""
    for start in (size - _END_BYTES, begin):  # nearly always the end tells
        at, end, last = max(start, begin), begin, None
        file.seek(at)
        for line in file:
            at += len(line)
            if row := diary.row(head, _text(line)):
                end, last = at, row
        if last:
            return end, last
    return begin, None


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")
