"""A small SQLite database whose tables memory holds too, so that no disk trouble stops alerts."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from edge import filelock
from edge.errors import PERMANENT, ConfigError, FerEdgeError, first_line

T = TypeVar("T")
Statement: TypeAlias = tuple[str, tuple[Any, ...]]
#: Result codes for a corrupt or foreign file, or one with other tables than ours.
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
log = logging.getLogger(__name__)


class _UnreadableRow(sqlite3.DatabaseError):
    """The tables are there, but a row is not one that we wrote."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


class Table(Generic[T]):
    """Values by id, oldest first, in memory as `rows`; changes return the SQL for the disk.

    `columns` are SQL definitions; SQLite fills an `INTEGER PRIMARY KEY`, the first other one is
    `id`. `encode` turns a value into the columns after `id`; `decode` turns a row back, `id` first,
    and raises `TypeError` or `ValueError` where it cannot.
    """

    def __init__(
        self,
        name: str,
        columns: Sequence[str],
        encode: Callable[[T], tuple[Any, ...]],
        decode: Callable[..., T],
    ) -> None:
        self.rows: dict[str, T] = {}
        self.schema = f"CREATE TABLE IF NOT EXISTS {name} ({', '.join(columns)})"
        self._name, self._encode, self._decode = name, encode, decode
        ours = [c.split()[0] for c in columns if not c.endswith("INTEGER PRIMARY KEY")]
        names, marks = ", ".join(ours), ", ".join("?" for _ in ours)
        self._select = f"SELECT {names} FROM {name} ORDER BY rowid"
        self._insert = f"INSERT OR REPLACE INTO {name} ({names}) VALUES ({marks})"

    def put(self, key: str, value: T) -> Statement:
        """Add or replace a row."""
        self.rows[key] = value
        return self._insert, (key, *self._encode(value))

    def remove(self, key: str) -> Statement:
        """Remove a row, if it is there."""
        self.rows.pop(key, None)
        return f"DELETE FROM {self._name} WHERE id = ?", (key,)

    def rewrite(self) -> Iterator[Statement]:
        """Return the SQL that writes the whole table to disk."""
        yield f"DELETE FROM {self._name}", ()
        for key, value in self.rows.items():
            yield self._insert, (key, *self._encode(value))

    def read(self, database: sqlite3.Connection) -> dict[str, T]:
        """Return what is on disk."""
        try:
            return {row[0]: self._decode(*row) for row in database.execute(self._select)}
        except (TypeError, ValueError) as error:
            raise _UnreadableRow(first_line(error)) from error


class Database:
    """The tables' file; for one thread. Opens it, locks it, and recovers from disk trouble.

    Raises `ConfigError` where the path cannot be a directory, `FerEdgeError` where another process
    uses the file. A damaged file is renamed. Disk trouble, now or later, is logged once; memory
    then has the only copy until `recover` succeeds.
    """

    def __init__(self, path: Path, tables: Sequence[Table[Any]]) -> None:
        self._path, self._tables = path, tables
        self._loaded = False
        self._trouble: str | None = None
        self._database: sqlite3.Connection | None = None
        self._lock: int | None = None
        self.write([])
        self.recover()  # a damaged file has been renamed by now

    def write(self, statements: Iterable[Statement]) -> None:
        """Execute all statements or none, on disk on return.

        After trouble, everything is rewritten.
        """
        try:
            if self._database is None:
                self._database = self._open()
            with self._database:
                for statement, values in self._everything() if self._trouble else statements:
                    self._database.execute(statement, values)
        except OSError as error:
            if error.errno in PERMANENT and not self._loaded:
                reason = f"{self._path.parent} is not a directory: {error.strerror}"
                raise ConfigError(f"state.directory: {reason}") from error
            self._fail(error)
        except sqlite3.Error as error:
            self._fail(error)
            # An error of the sqlite3 module itself has no code.
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
                self._rename_damaged()
        else:
            if self._trouble:
                log.warning("%s: writable again", self._path)
            self._trouble = None

    @property
    def healthy(self) -> bool:
        """Whether the disk has all that memory has."""
        return self._trouble is None

    def recover(self) -> None:
        """After disk trouble, try to write to disk what memory has."""
        if self._trouble:
            self.write([])

    def close(self) -> None:
        """Release the file; another `write` opens it again."""
        if self._database is not None:
            self._database.close()
            self._database = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _everything(self) -> Iterator[Statement]:
        for table in self._tables:
            yield from table.rewrite()

    def _fail(self, error: Exception) -> None:
        if self._trouble != first_line(error):
            log.error("%s: %s; alerts are kept in memory only", self._path, error)
        self._trouble = first_line(error)
        self.close()  # a card that was taken out and put back needs a new descriptor

    def _open(self) -> sqlite3.Connection:
        """Return the database; load what it holds, the first time."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not self._path.exists():
            self._path.touch(0o600)  # private data: owner only
        self._lock = self._locked()
        database = sqlite3.connect(self._path, timeout=0.1)
        try:
            database.execute("PRAGMA synchronous = EXTRA")
            database.execute("BEGIN")  # at once: each by itself would wait for the disk
            for table in self._tables:
                database.execute(table.schema)
            database.commit()
            if not self._loaded:
                # All are read before any is taken over: of a damaged file nothing is.
                for table, rows in [(table, table.read(database)) for table in self._tables]:
                    table.rows = rows | table.rows
                self._loaded = True
        except sqlite3.Error:
            database.close()
            raise
        return database

    def _locked(self) -> int | None:
        """Return a lock that ends with the process: two would clear each other's alerts.

        None where the disk refuses it; the database then has the same trouble, and logs it.
        """
        try:
            return filelock.take(self._path.with_suffix(".lock"), os.O_CREAT)
        except BlockingIOError as error:
            raise FerEdgeError(
                f"{self._path.parent}: another fer-edge keeps its alerts there;"
                " stop it, or set state.directory"
            ) from error
        except OSError:
            return None

    def _rename_damaged(self) -> None:
        damaged = self._path.with_suffix(".damaged")
        try:
            self._path.replace(damaged)
        except OSError as error:
            log.error("%s: damaged, and cannot be renamed: %s", self._path, error.strerror)
        else:
            log.error("%s: damaged; renamed to %s", self._path, damaged.name)
