"""The diary: a CSV file whose rows survive a kill, that rotates by day and by size.

Every row goes to the kernel in one write, so a killed process loses none; what a power cut tears
is mended at the next start. While the card is full or read-only, rows wait in memory.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import math
import os
import threading
from collections import deque
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import NamedTuple

from edge import archive, diary, lock, repair
from edge.clock import synchronised
from edge.config import Log
from edge.errors import MALFORMED, ConfigError, Problem
from edge.records import Reading

#: Rows kept in memory while the disk refuses them: an hour of three faces, about 2 MB.
WAITING_ROWS = 10_000
_RETRY_S = 1.0
_TIDY_EVERY_S = 86400.0
_TIDIED_S = 0.3
log = logging.getLogger(__name__)


class _Row(NamedTuple):
    day: str
    sure: bool
    line: bytes


class Journal:
    """Appends readings to `expressions.csv` in `directory`; a context manager.

    Raises `ConfigError` where the path cannot be a directory, `Problem` where another process
    writes there; both only at first. A directory that cannot be written to, now or later, is said
    once; rows then wait in memory (the latest `WAITING_ROWS`), and it is tried again every second.
    """

    def __init__(self, config: Log, directory: Path, labels: tuple[str, ...]) -> None:
        self._config, self._directory = config, directory
        self._path = directory / diary.NAME
        self._header = diary.header(labels).encode() + b"\r\n"
        self._lock: int | None = None
        self._fd: int | None = None
        self._day, self._sure, self._size = "", True, 0
        self._waiting: deque[_Row] = deque()
        self._lost = 0
        self._trouble: str | None = None
        self._unsynced = False
        self._sync_at_s = self._retry_at_s = self._tidy_at_s = -math.inf
        self._untidy = True
        self._tidying: threading.Thread | None = None
        self._attempt(-math.inf, at_start=True)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, now_s: float, readings: Iterable[Reading]) -> None:
        """Appends one row a reading; call it for every frame, `now_s` being its `monotonic_s`."""
        for reading in readings:
            day, sure = reading.time.date().isoformat(), diary.CLOCK not in reading.notes
            self._waiting.append(_Row(day, sure, _line(reading)))
            if len(self._waiting) > WAITING_ROWS:
                self._waiting.popleft()
                self._lost += 1
        if now_s >= self._tidy_at_s:
            self._untidy, self._tidy_at_s = True, now_s + _TIDY_EVERY_S
        if self._trouble and now_s < self._retry_at_s:
            return
        flush = self._unsynced and now_s >= self._sync_at_s
        if self._waiting or self._trouble or self._untidy or flush:
            self._attempt(now_s)

    def close(self) -> None:
        """Brings everything to the disk; a second call does nothing."""
        if self._waiting or self._unsynced:
            self._attempt(math.inf)
        if self._waiting:
            log.error("%s: %d rows could not be written", self._path, len(self._waiting))
            self._waiting.clear()
        self._unsynced = False
        self._let_go()
        if self._tidying is not None:  # it may be cut off anywhere, and is done again
            self._tidying.join(_TIDIED_S)

    def _attempt(self, now_s: float, *, at_start: bool = False) -> None:
        """Writes what waits; says once when the disk refuses, and once when it is well again."""
        try:
            self._append(now_s)
        except OSError as error:
            self._let_go()
            if at_start:
                _hopeless(error, self._directory)
            if self._trouble != error.strerror:
                log.error(
                    "%s: cannot write the diary: %s; still trying, rows wait in memory",
                    self._path,
                    error.strerror,
                )
            self._trouble, self._retry_at_s = error.strerror or "no reason", now_s + _RETRY_S
        else:
            if self._trouble:
                log.warning("%s: written again; %d rows were lost", self._path, self._lost)
            self._trouble, self._lost = None, 0
        if self._untidy:  # whatever the trouble is: on a full card it makes room
            self._tidy()

    def _let_go(self) -> None:
        """Closes everything: a card that failed can be unmounted, and is looked at anew."""
        for fd in (self._fd, self._lock):
            if fd is not None:
                with contextlib.suppress(OSError):  # what could be lost is told by fdatasync
                    os.close(fd)
        self._fd = self._lock = None

    def _append(self, now_s: float) -> None:
        if self._fd is not None and not self._in_place():
            log.warning("%s: was moved, removed or cut short; begun anew", self._path)
            self._let_go()
        if self._fd is None:
            self._open()
        if self._untidy:
            self._retire()
        while self._waiting:
            row = self._waiting[0]
            if row.day != self._day or self._size + len(row.line) > self._config.max_bytes:
                self._turn(row.day, row.sure or synchronised())
            self._put(row.line)
            self._sure = row.sure
            self._waiting.popleft()
        if self._unsynced and now_s >= self._sync_at_s:
            os.fdatasync(self._opened())
            self._unsynced, self._sync_at_s = False, now_s + self._config.fsync_s

    def _in_place(self) -> bool:
        try:
            there = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        ours = os.path.samestat(there, os.fstat(self._opened()))
        return ours and there.st_size >= self._size  # less where somebody emptied it

    def _opened(self) -> int:
        assert self._fd is not None
        return self._fd

    def _put(self, line: bytes) -> None:
        written = os.write(self._opened(), line)
        if written < len(line):  # the disk is full: take the torn row back
            os.ftruncate(self._opened(), self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written
        self._unsynced = True

    def _open(self) -> None:
        """Opens the current file, mends its end, puts it aside where it is another model's."""
        self._directory.mkdir(parents=True, exist_ok=True)
        if self._lock is None:
            # Two writers would mix their face numbers.
            self._lock = lock.take(self._directory, os.O_DIRECTORY)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(self._path, flags, 0o640)
        self._size, last = repair.mend(self._fd, self._header, self._path)
        self._day, self._sure = (last.day, last.sure) if last else ("", True)
        if self._size == 0:
            self._put(self._header)
        elif os.pread(self._fd, len(self._header), 0) != self._header:
            self._set_aside(date.today().isoformat(), synchronised())

    def _retire(self) -> None:
        """Lets tidying have a file whose last row is over `keep_days`: nobody may come for long."""
        today = date.today()
        if self._day and self._day < archive.first_kept(today, self._config):
            self._turn(today.isoformat(), synchronised())

    def _turn(self, day: str, sure: bool) -> None:
        """Starts a file for `day`, unless this one has no rows yet."""
        if self._size > len(self._header):
            self._set_aside(day, sure)
        self._day = day

    def _set_aside(self, today: str, sure: bool) -> None:
        """Renames the file by the day of its last row, from which its age is counted.

        A row written before the clock was set may be minutes old and seem years old. Where today
        is `sure`, its age is counted from today.
        """
        undated = not self._day or (sure and not self._sure)
        os.fdatasync(self._opened())
        self._path.rename(self._aside(today if undated else self._day))
        os.close(self._opened())
        self._fd = None
        self._untidy = True
        self._open()

    def _aside(self, day: str) -> Path:
        taken = [number for d, number, _ in diary.rotated(self._directory) if d == day]
        suffix = f".{max(taken) + 1}" if taken else ""
        return self._directory / f"expressions-{day}{suffix}.csv"

    def _tidy(self) -> None:
        """Compresses and deletes old files beside the loop, which a slow card must not hold up."""
        self._untidy = False
        earlier = self._tidying

        def tidy() -> None:
            if earlier is not None:
                earlier.join()
            archive.tidy(self._directory, self._config)

        self._tidying = threading.Thread(target=tidy, name="tidy", daemon=True)
        self._tidying.start()


def _line(reading: Reading) -> bytes:
    chances = ",".join(f"{p:.4f}" for p in reading.probabilities)
    x, y, width, height = reading.box
    return (
        f"{reading.time.isoformat(timespec='milliseconds')},{reading.face},{reading.emotion},"
        f"{reading.confidence:.4f},{chances},{x},{y},{width},{height},{' '.join(reading.notes)}\r\n"
    ).encode()


def _hopeless(error: OSError, directory: Path) -> None:
    """Raises what ends us where no later try can mend it; else returns."""
    link_to_nothing = error.errno == errno.EEXIST and not directory.exists()  # a card to come?
    if error.errno in MALFORMED and not link_to_nothing:
        raise ConfigError(
            f"log.directory: {directory} cannot be a directory: {error.strerror}; name another"
        ) from error
    if isinstance(error, BlockingIOError):
        raise Problem(
            f"{directory}: another fer-edge writes its diary there; stop it, or set log.directory"
        ) from error
