"""The diary as it grows: its current file, and whatever takes the place of that."""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

from edge.diary import layout, reader, tail
from edge.diary.faults import Faults
from edge.diary.parser import Parser
from edge.diary.rewritten import columns_at, end_of_copied, end_of_known, whole_lines
from edge.diary.schema import Row

_POLL_S = 0.5
#: Enough of a file to tell it from all others: its first row has a time.
_HEAD_BYTES = 4096
#: The bytes before the next line that tell whether the file was rewritten.
_ANCHOR_BYTES = 256


class Follower:
    """Reads what is appended to the diary in `directory`, each row once.

    The file may be rotated, replaced by `fer-edge forget`, cut short, and not be there. `faults`
    hears of what is not a row.
    """

    def __init__(self, directory: Path, faults: Faults) -> None:
        self._directory, self._faults = directory, faults
        self._path = directory / layout.NAME
        self._file, self.archives = _current(directory)
        """The archives that were there before the current file, oldest first."""
        self._last: Row | None = None
        self._rewritten = False
        self._go_to(0, ())

    def last_rows(
        self, count: int, select: Callable[[Iterable[Row]], Iterator[Row]]
    ) -> list[Row] | None:
        """Return the last `count` selected rows of the current file; `rows` goes on after them.

        None if it has fewer, or must be read from its beginning, which `rows` does then.
        """
        found = self._file and tail.last_rows(self._file, count, select, self._faults)
        if not found:
            return None
        self._last = found.last
        self._go_to(found.end, found.columns)
        return found.rows

    def rows(self) -> Iterator[Row | None]:
        """Yield the rows, and None when all so far were yielded: the next may take any time."""
        if self._at == 0:
            self._faults.enter(self._path)
        while True:
            # First, so that what was written before a rotation is read after it.
            in_place = _is_at(self._path, self._file)
            yield from self._appended()
            if in_place or not (yield from self._take_next()):
                self._faults.leave()
                yield None
                time.sleep(_POLL_S)

    def _go_to(self, at: int, columns: tuple[str, ...]) -> None:
        """Go on at this place of the file, where these columns hold."""
        fd = self._file.fileno() if self._file else -1
        self._at, self._number = at, 0
        first = max(0, at - _ANCHOR_BYTES)
        self._anchor = os.pread(fd, at - first, first) if at else b""
        self._parser = Parser(self._path, self._faults, columns)
        self._faults.lines_before = cache(lambda: tail.lines_before(fd, at))

    def _appended(self) -> Iterator[Row]:
        if self._file is None or self._is_being_rewritten(self._file):
            return
        for line in whole_lines(self._file.fileno(), self._at):
            self._at, self._anchor, self._number = self._at + len(line), line, self._number + 1
            if row := self._parser.row(line.decode("utf-8", "surrogateescape"), self._number):
                self._last = row
                yield row

    def _is_being_rewritten(self, file: BinaryIO) -> bool:
        """Return whether the file was cut short or edited in place just now.

        Whoever does it gets until the next call. What is known then are the rows that are not
        later than the last one.
        """
        if os.pread(file.fileno(), len(self._anchor), self._at - len(self._anchor)) == self._anchor:
            self._rewritten = False
        elif self._rewritten:
            end, columns = end_of_known(file, self._last)
            self._go_to(end, columns)
            self._rewritten = False
        else:
            self._rewritten = True
        return self._rewritten

    def _take_next(self) -> Generator[Row, None, bool]:
        """Take the file that is current now, if there is one; yield what went by before it."""
        file, archives = _current(self._directory)
        if file is None:
            return False
        known = {_name(path) for path in self.archives}
        for path in archives:
            if _name(path) not in known and not self._is_ours(path):
                yield from reader.rows(path, faults=self._faults)
        text = file.read()
        end = end_of_copied(self._file, text) if self._file else 0
        if self._file:
            self._file.close()
        self._file, self.archives = file, archives
        self._faults.enter(self._path)
        self._go_to(end, columns_at(text, end))
        return True

    def _is_ours(self, archive: Path) -> bool:
        """Return whether the file that was read until now has become this archive."""
        head = os.pread(self._file.fileno(), _HEAD_BYTES, 0) if self._file else b""
        try:
            with reader.open_binary(archive) as file:
                return file.read(_HEAD_BYTES) == head
        except (EOFError, zlib.error, OSError):  # `reader.rows` says so
            return False


def _current(directory: Path) -> tuple[BinaryIO | None, list[Path]]:
    """Return the current file, open, and the archives that are older."""
    path = directory / layout.NAME
    while True:
        file = None
        with contextlib.suppress(FileNotFoundError):
            file = path.open("rb")
        archives = [archive for _, _, archive in layout.archives(directory)]
        if file is None or _is_at(path, file):
            return file, archives
        file.close()


def _is_at(path: Path, file: BinaryIO | None) -> bool:
    try:
        return file is not None and os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _name(archive: Path) -> str:
    return archive.name.removesuffix(".gz")
