"""Alerts that the broker has not acknowledged yet, and episodes that have not ended: on disk.

An alert is in the database before it is sent, and leaves it when the broker has it. Where the disk
fails, alerts go out all the same, from memory; only a restart would then lose them. Where `LIMIT`
alerts wait, for the broker has been away for long, the oldest make room, and this is said.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from edge import lock
from edge.alarm import Episode
from edge.errors import MALFORMED, ConfigError, Problem, first_line
from edge.records import Alert, AlertEvent

NAME = "outbox.sqlite3"
#: Some 4 MB of memory; with the default cooldown, five weeks of one alert without a pause.
LIMIT = 10_000
_TABLES = """
CREATE TABLE IF NOT EXISTS waiting (number INTEGER PRIMARY KEY, id TEXT UNIQUE, payload TEXT);
CREATE TABLE IF NOT EXISTS episodes
  (id TEXT PRIMARY KEY, name TEXT, face INTEGER, emotions TEXT, window_s REAL);
"""
_ADD = "INSERT INTO waiting (id, payload) VALUES (?, ?)"
_REMOVE = "DELETE FROM waiting WHERE id = ?"
_BEGIN = "INSERT INTO episodes VALUES (?, ?, ?, ?, ?)"
_END = "DELETE FROM episodes WHERE id = ?"
_Statement: TypeAlias = tuple[str, tuple[Any, ...]]
#: SQLite's words for a file that is none of its own, or not one with our tables.
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
log = logging.getLogger(__name__)


class _Nonsense(sqlite3.DatabaseError):
    """The tables are there, but what they hold is not what we wrote."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def payload(alert: Alert) -> str:
    """The JSON that subscribers get."""
    return json.dumps(
        {
            "id": alert.id,
            "episode": alert.episode,
            "event_type": alert.event_type,
            "name": alert.name,
            "face": alert.face,
            "count": alert.count,
            "window_s": alert.window_s,
            "emotions": alert.emotions,
            "time": alert.time.isoformat(timespec="milliseconds"),
        }
    )


class Outbox:
    """A durable queue in `directory`; a context manager; for one thread.

    Raises `ConfigError` where the path cannot be a directory, `Problem` where another process
    keeps its alerts. A damaged database is put aside. A disk that fails, now or later, is said
    once; alerts are kept in memory until `mend` succeeds.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._waiting: dict[str, str] = {}
        self._episodes: dict[str, Episode] = {}
        self._loaded = False
        self._dropped = 0
        self._trouble: str | None = None
        self._database: sqlite3.Connection | None = None
        self._lock: int | None = None
        self._change([])
        self.mend()  # one that was damaged has been put aside by now
        self.left_over = tuple(self._episodes.values())
        """Episodes that were raised and not cleared when this outbox was opened."""

    def __enter__(self) -> Outbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.mend()
        self._close()

    @property
    def waiting(self) -> Mapping[str, str]:
        """Payloads of the alerts not yet acknowledged, by id, oldest first."""
        return self._waiting

    def add(self, alert: Alert) -> None:
        """Keeps `alert` until `remove`; on disk when this returns, if the disk is well."""
        self._waiting[alert.id] = text = payload(alert)
        if alert.event_type is AlertEvent.RAISED:
            episode = Episode(alert.name, alert.face, alert.episode, alert.emotions, alert.window_s)
            self._episodes[episode.id] = episode
            second: _Statement = _BEGIN, _row(episode)
        else:
            self._episodes.pop(alert.episode, None)
            second = _END, (alert.episode,)
        self._change([(_ADD, (alert.id, text)), second, *self._make_room()])

    def remove(self, alert_ids: Iterable[str]) -> None:
        """Forgets alerts that the broker has acknowledged."""
        known = [(_REMOVE, (key,)) for key in alert_ids if self._waiting.pop(key, None) is not None]
        if known and self._dropped:
            log.warning("%s: has room again; %d alerts were dropped", self._path, self._dropped)
            self._dropped = 0
        if known:
            self._change(known)

    def _make_room(self) -> list[_Statement]:
        """What takes the oldest out of the database, where there are too many."""
        surplus = list(itertools.islice(self._waiting, max(0, len(self._waiting) - LIMIT)))
        for key in surplus:
            old = json.loads(self._waiting.pop(key))
            if not self._dropped:
                told = f"'{old['name']}' {old['event_type']} of {old['time']}"
                log.error("%s: %d alerts wait; the oldest is dropped: %s", self._path, LIMIT, told)
            self._dropped += 1
        return [(_REMOVE, (key,)) for key in surplus]

    def mend(self) -> None:
        """After trouble with the disk, tries to bring to it what memory has."""
        if self._trouble:
            self._change([])

    def _change(self, statements: Iterable[_Statement]) -> None:
        """All statements or none, on disk when it returns; after trouble, everything anew."""
        try:
            if self._database is None:
                self._database = self._open()
            with self._database:
                for statement, values in self._everything() if self._trouble else statements:
                    self._database.execute(statement, values)
        except OSError as error:
            if error.errno in MALFORMED and not self._loaded:
                reason = f"{self._path.parent} is no directory: {error.strerror}"
                raise ConfigError(f"state.directory: {reason}") from error
            self._fail(error)
        except sqlite3.Error as error:
            self._fail(error)
            # An error of the sqlite3 module itself has no code.
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
                self._put_aside()
        else:
            if self._trouble:
                log.warning("%s: written again", self._path)
            self._trouble = None

    def _fail(self, error: Exception) -> None:
        if self._trouble != first_line(error):
            log.error("%s: %s; alerts are kept in memory meanwhile", self._path, error)
        self._trouble = first_line(error)
        self._close()  # the next try opens the file afresh, as a card put back wants it

    def _open(self) -> sqlite3.Connection:
        """The database; what it holds is taken in, the first time."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not self._path.exists():
            self._path.touch(0o600)  # nobody else is to know how somebody felt
        self._lock = self._locked()
        database = sqlite3.connect(self._path, timeout=0.1)
        try:
            database.execute("PRAGMA synchronous = EXTRA")
            database.executescript(_TABLES)
            if not self._loaded:
                waiting, episodes = _load(database)
                self._waiting, self._episodes = waiting | self._waiting, episodes | self._episodes
                self._loaded = True
        except sqlite3.Error:
            database.close()
            raise
        return database

    def _locked(self) -> int | None:
        """A lock that falls with the process: two would end each other's episodes. None where the
        disk refuses it; the database then has the same trouble, and says so.
        """
        try:
            return lock.take(self._path.with_suffix(".lock"), os.O_CREAT)
        except BlockingIOError as error:
            raise Problem(
                f"{self._path.parent}: another fer-edge keeps its alerts there;"
                " stop it, or set state.directory"
            ) from error
        except OSError:
            return None

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _everything(self) -> Iterable[_Statement]:
        yield "DELETE FROM waiting", ()
        yield "DELETE FROM episodes", ()
        yield from ((_ADD, row) for row in self._waiting.items())
        yield from ((_BEGIN, _row(episode)) for episode in self._episodes.values())

    def _put_aside(self) -> None:
        """Keeps the damaged file under another name."""
        aside = self._path.with_suffix(".damaged")
        try:
            self._path.replace(aside)
        except OSError as error:
            log.error("%s: damaged, and cannot be put aside: %s", self._path, error.strerror)
        else:
            log.error("%s: damaged; put aside as %s", self._path, aside.name)


def _row(episode: Episode) -> tuple[Any, ...]:
    emotions = json.dumps(episode.emotions)
    return (episode.id, episode.name, episode.face, emotions, episode.window_s)


def _load(database: sqlite3.Connection) -> tuple[dict[str, str], dict[str, Episode]]:
    waiting = dict(database.execute("SELECT id, payload FROM waiting ORDER BY number"))
    rows = database.execute("SELECT id, name, face, emotions, window_s FROM episodes")
    try:
        for text in waiting.values():
            json.loads(text)
        episodes = {
            key: Episode(name, face, key, tuple(json.loads(emotions)), window_s)
            for key, name, face, emotions, window_s in rows
        }
    except (TypeError, ValueError) as error:
        raise _Nonsense(first_line(error)) from error
    return waiting, episodes
