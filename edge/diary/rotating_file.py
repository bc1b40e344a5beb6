"""`expressions.csv`: lines are appended; it becomes an archive when its day or its size is over.

Every line goes to the kernel in one write, so a killed process loses none; what a power cut tears
is recovered when the file is next opened.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
from datetime import date
from pathlib import Path
from typing import NamedTuple

from edge import filelock
from edge.clock import synchronised
from edge.config.schema import DiaryConfig
from edge.diary import layout, repair, retention
from edge.diary.last_face import LastFace
from edge.diary.schema import event_line

#: More than the time takes that a row begins with.
_TIME_BYTES = 40
log = logging.getLogger(__name__)


class Line(NamedTuple):
    """A row's bytes, with its face (0: an event), local date, whether the clock was right."""

    face: int
    day: str
    clock_ok: bool
    text: bytes


class RotatingFile:
    """The current file of `directory`, opened when needed. Any method may raise `OSError`.

    A file begins with `header` and, where `opening` is given, with an event of these columns (see
    `schema.event_columns`) at the first row's time. After an error, `close` it: the next call opens
    everything again, so that a card that failed can be unmounted and come back.
    """

    def __init__(self, config: DiaryConfig, directory: Path, header: bytes, opening: bytes) -> None:
        self._config, self._directory = config, directory
        self._header, self._opening = header, opening
        self.path = directory / layout.NAME
        self.unsynced = False
        """Whether anything was written since the last `sync`."""
        self.archived = False
        """Set when there is a new archive; reset by the caller."""
        self._last_face = LastFace()
        self._lock: int | None = None
        self._fd: int | None = None
        self._day, self._clock_ok, self._size = "", True, 0  # of the last row; of the file

    @property
    def last_face(self) -> int:
        """The highest face number in this directory; 0 for none, or before `open` succeeded."""
        return self._last_face.number

    def open(self) -> None:
        """Open the file if it is not; start a new one if the file was moved or deleted.

        Raises `BlockingIOError` if another process writes here.
        """
        if self._fd is not None and not self._in_place():
            found = self._found()
            if found and found.st_ino != os.fstat(self._fd).st_ino:  # as by `fer-edge forget`
                log.info("%s: was replaced; going on in the new file", self.path)
            else:
                log.warning("%s: was moved, removed or cut short; starting a new file", self.path)
            self.close()
        if self._fd is None:
            self._open()

    def append(self, line: Line) -> None:
        """Write one line, into a new file where its day or `max_bytes` asks for it."""
        written = False
        while not written:
            while self._fd is None or not self._taken(self._fd):
                self.open()
            try:
                written = self._append(line)
            finally:
                if self._fd is not None:
                    fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _taken(self, fd: int) -> bool:
        """Lock the file; False if it is not the diary's any more: `fer-edge forget` replaces it."""
        fcntl.flock(fd, fcntl.LOCK_EX)
        return self._in_place()

    def _append(self, line: Line) -> bool:
        """Write one line; return False if there is a new file instead, not locked yet."""
        if line.day != self._day or self._size + len(line.text) > self._config.max_bytes:
            if not self._is_empty():
                self._rotate(line.day, line.clock_ok or synchronised())
                return False
            self._day = line.day
        self._last_face.keep(line.face)
        text = line.text
        if self._opening and self._is_empty():
            time = text.partition(b",")[0]
            text = event_line(time, self._opening, clock_ok=line.clock_ok) + text
        self._write(text)
        self._clock_ok = line.clock_ok
        return True

    def retire(self) -> None:
        """Rotate if the last row is older than `keep_days`, so that retention can delete it."""
        today = date.today()
        old = self._day and self._day < retention.first_kept(today, self._config)
        if old and not self._is_empty():
            self._rotate(today.isoformat(), synchronised())

    def sync(self) -> None:
        """Flush what was written to disk."""
        self._last_face.sync()
        os.fdatasync(self._opened())
        self.unsynced = False

    def close(self) -> None:
        """Close the file and release the directory; a second call does nothing."""
        for fd in (self._fd, self._lock):
            if fd is not None:
                with contextlib.suppress(OSError):  # fdatasync reports what could be lost
                    os.close(fd)
        self._fd = self._lock = None
        self._last_face.close()

    def _found(self) -> os.stat_result | None:
        try:
            return self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _in_place(self) -> bool:
        found = self._found()
        ours = found is not None and os.path.samestat(found, os.fstat(self._opened()))
        return found is not None and ours and found.st_size >= self._size  # less if truncated

    def _is_empty(self) -> bool:
        return self._size <= len(self._header)

    def _continues(self) -> bool:
        """Return whether the file, if it has rows, begins as ours do."""
        wanted = len(self._header) + _TIME_BYTES + len(self._opening)
        start = os.pread(self._opened(), wanted, 0)
        row = start.removeprefix(self._header)
        at = row.find(b",") if self._opening else 0
        ours = self._is_empty() or row.startswith(self._opening, at)
        return start.startswith(self._header) and ours

    def _opened(self) -> int:
        assert self._fd is not None
        return self._fd

    def _write(self, text: bytes) -> None:
        written = os.write(self._opened(), text)
        if written < len(text):  # the disk is full: take the torn row back
            os.ftruncate(self._opened(), self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written
        self.unsynced = True

    def _open(self) -> None:
        """Open the current file and recover its end; archive it if it is another model's."""
        self._directory.mkdir(parents=True, exist_ok=True)
        if self._lock is None:
            # Two writers would mix their face numbers.
            self._lock = filelock.take(self._directory, os.O_DIRECTORY)
        repair.rename_foreign(self.path, self._header)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(self.path, flags, 0o640)
        self._size, last, face = repair.recover(self._fd, self._header, self.path)
        self._day, self._clock_ok = (last.day, last.clock_ok) if last else ("", True)
        self._last_face.open(self._directory, face)
        if self._size == 0:
            self._write(self._header)
        elif not self._continues():
            self._rotate(date.today().isoformat(), synchronised())

    def _rotate(self, today: str, clock_ok: bool) -> None:
        """Make the file an archive of its last row's day, from which its age is counted.

        A row written before the clock was set may be minutes old and seem years old: if the
        clock is right now, the age of such a file is counted from today.
        """
        undated = not self._day or (clock_ok and not self._clock_ok)
        self.sync()
        self.path.rename(layout.next_archive(self._directory, today if undated else self._day))
        os.close(self._opened())
        self._fd = None
        self.archived = True
        self._open()
        self._day = today
