"""The files of an exported table, `date=…/part-….parquet`: each appears whole, with new rows only.

Whatever stops an export, the next one goes on from what is there: the rows of a day are compared
with those in its folder.
"""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime, timedelta
from itertools import chain, compress, count
from pathlib import Path
from typing import BinaryIO, cast

from edge import filelock
from edge.errors import FerEdgeError
from edge.export.columns import EVENT, FACE, columns_for
from edge.export.forms import Form, Key, Writer
from edge.export.known import Known
from edge.export.source import Item, Row

#: Rows that are kept in memory for each open file.
_ROWS = 8192
#: Files open at once: the rows of a day follow each other, except where the clock jumped.
_OPEN = 4
#: Readers of such folders skip names that begin with a dot.
_UNFINISHED = ".part-"
_FILE_MODE, FOLDER_MODE = 0o640, 0o750  # as the diary's
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Table:
    """The folder of one device; a context manager that one process at a time can enter.

    Leaving it completes the files that are open; after an exception they are removed instead.
    Raises `FerEdgeError` where another export is at work, `OSError` where the disk refuses.
    """

    def __init__(self, folder: Path, form: Form) -> None:
        self.folder, self._form = folder, form
        self._open: dict[tuple[str, tuple[str, ...]], _Part] = {}
        self._lock = -1
        self.written: list[Path] = []
        self.new_rows = self.known_rows = 0

    def __enter__(self) -> Table:
        self.folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        try:
            self._lock = filelock.take(self.folder, os.O_DIRECTORY)
        except BlockingIOError as error:
            raise FerEdgeError(f"{self.folder}: another export writes there") from error
        for path in self.folder.glob(f"*/{_UNFINISHED}*"):  # of an export that was killed
            path.unlink()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            while self._open:
                self._close_oldest(complete=kind is None)
        finally:
            for part in self._open.values():
                part.discard()
            os.close(self._lock)

    def add(self, item: Item) -> None:
        """Add a row, unless it is there already."""
        part = self._open.get(item[:2])
        if part is None:
            if len(self._open) == _OPEN:
                self._close_oldest(complete=True)
            folder = self.folder / f"date={item.date}"
            part = self._open[item[:2]] = _Part(folder, self._form, item.labels)
        part.rows.append(item.cells)
        if len(part.rows) == _ROWS:
            part.flush()

    def _close_oldest(self, *, complete: bool) -> None:
        part = self._open[next(iter(self._open))]
        if complete and (path := part.complete()):
            self.written.append(path)
        part.discard()
        self.new_rows, self.known_rows = self.new_rows + part.new, self.known_rows + part.known
        del self._open[next(iter(self._open))]


class _Part:
    """One file that is being written; it is made when there is a new row."""

    def __init__(self, folder: Path, form: Form, labels: tuple[str, ...]) -> None:
        self._folder, self._form, self._columns = folder, form, tuple(columns_for(labels))
        self._known = Known(folder, form)
        self._file: BinaryIO | None = None
        self._writer: Writer | None = None
        self._first_ms = 0
        self.rows: list[Row] = []
        self.new = self.known = 0

    def flush(self) -> None:
        """Write the rows that are new."""
        new = self.rows
        if self._known:
            new = [*compress(new, self._known.are_new([_key(row) for row in new]))]
        self.new, self.known = self.new + len(new), self.known + len(self.rows) - len(new)
        self.rows = []
        if new:
            self._opened(cast(int, new[0][0])).write(new)

    def _opened(self, first_ms: int) -> Writer:
        if self._writer is None:
            self._folder.mkdir(FOLDER_MODE, exist_ok=True)
            self._first_ms = first_ms
            fd = os.open(self._unfinished, _CREATE, _FILE_MODE)
            self._file = os.fdopen(fd, "wb")
            self._writer = self._form.writer(self._file, self._columns)
        return self._writer

    def complete(self) -> Path | None:
        """Finish the file and give it its name; return that, or None if nothing was new."""
        self.flush()
        if self._writer is None or self._file is None:
            return None
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        path = self._free_path()
        self._unfinished.rename(path)
        return path

    @property
    def _unfinished(self) -> Path:
        return self._folder / f"{_UNFINISHED}{id(self):x}"

    def _free_path(self) -> Path:
        first = _EPOCH + timedelta(milliseconds=self._first_ms)
        stem = f"part-{first:%Y%m%dT%H%M%S}{self._first_ms % 1000:03d}Z"
        names = chain([stem], (f"{stem}-{n}" for n in count(2)))
        paths = (self._folder / f"{name}{self._form.suffix}" for name in names)
        return next(path for path in paths if not path.exists())

    def discard(self) -> None:
        """Free the file, and remove it if it is not complete; a second call does nothing."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # a full disk may refuse what is still buffered
                self._file.close()
            self._unfinished.unlink(missing_ok=True)
        self._file = self._writer = None


def _key(row: Row) -> Key:
    time_ms, face, what = row[0], row[FACE], row[EVENT]
    return Key(cast(int, time_ms), None if face is None else int(face), cast(str | None, what))
