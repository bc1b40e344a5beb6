"""The highest face number given in a directory, kept so that a start need not read the diary.

`last-face.txt` is written before the first row with a new number, and is on disk before that
row is. So after a kill it is never too low; after a power cut only the rows since the last sync
can be ahead of it, and those are at the end of the current file, which recovery reads.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from edge.diary import layout, reader
from edge.diary.faults import Faults

NAME = "last-face.txt"
#: Zero-padded, so that a write cut short by a full disk never leaves a lower number.
_DIGITS = 12


class LastFace:
    """The number, which only grows. Any method but `close` may raise `OSError`."""

    def __init__(self) -> None:
        self.number = 0
        self._fd: int | None = None
        self._unsynced = False

    def open(self, directory: Path, seen: int) -> None:
        """Open the file of `directory`; `seen` is the highest number that recovery has read.

        Without a readable number, the current file and the newest archive are read.
        """
        if self._fd is not None:
            return
        self._fd = os.open(directory / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        kept = _parse(os.pread(self._fd, 2 * _DIGITS, 0))
        found = _estimate(directory) if kept is None else kept
        number = max(self.number, found, seen)
        if number != kept:
            self._write(number)
        self.number = number

    def keep(self, face: int) -> None:
        """Keep `face` if it is the highest; call it before its row is written."""
        if face > self.number:
            self._write(face)
            self.number = face

    def sync(self) -> None:
        """Flush the number to disk; call it before the rows are flushed."""
        if self._unsynced and self._fd is not None:
            os.fdatasync(self._fd)
            self._unsynced = False

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.close(self._fd)
        self._fd = None

    def _write(self, number: int) -> None:
        assert self._fd is not None
        text = b"%0*d\n" % (_DIGITS, number)
        self._unsynced = True
        if os.pwrite(self._fd, text, 0) < len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _parse(text: bytes) -> int | None:
    line, end, _ = text.partition(b"\n")
    return int(line) if end and line.isdigit() else None


def _estimate(directory: Path) -> int:
    """Return the highest number in the newest files; by name and by mtime: clocks jump."""
    old = [path for _, _, path in layout.archives(directory)]
    newest = {old[-1], max(old, key=lambda path: path.stat().st_mtime)} if old else set()
    paths = [directory / layout.NAME, *newest]
    rows = (row for path in paths for row in reader.rows(path, faults=Faults(None)))
    return max((row.face for row in rows if row.face is not None), default=0)
