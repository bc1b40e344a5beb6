"""Alerts that the broker has not acknowledged yet, and episodes that have not ended: on disk.

An alert is in the database before it is sent, and leaves it when the broker has it. Where the disk
fails, alerts go out all the same, from memory; only a restart would then lose them.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from edge.alarm import Episode
from edge.errors import ConfigError, first_line
from edge.records import Alert, AlertEvent

NAME = "outbox.sqlite3"
_TABLES = """
CREATE TABLE IF NOT EXISTS waiting (number INTEGER PRIMARY KEY, id TEXT UNIQUE, payload TEXT);
CREATE TABLE IF NOT EXISTS episodes
  (id TEXT PRIMARY KEY, name TEXT, face INTEGER, emotions TEXT, window_s REAL);
"""
_Statement: TypeAlias = tuple[str, tuple[Any, ...]]
log = logging.getLogger(__name__)


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

    Raises `ConfigError` where the path cannot be a directory. A damaged database is put aside. A
    disk that fails, now or later, is said once, and alerts are kept in memory meanwhile.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._trouble: str | None = None
        self._database = self._open()
        rows = self._database.execute("SELECT id, payload FROM waiting ORDER BY number")
        self._waiting: dict[str, str] = dict(rows)
        about = self._database.execute("SELECT name, face, id, emotions, window_s FROM episodes")
        self._episodes = [
            Episode(name, face, key, tuple(json.loads(emotions)), window_s)
            for name, face, key, emotions, window_s in about
        ]

    def __enter__(self) -> Outbox:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    @property
    def waiting(self) -> Mapping[str, str]:
        """Payloads of the alerts not yet acknowledged, by id, oldest first."""
        return self._waiting

    @property
    def left_over(self) -> Sequence[Episode]:
        """Episodes that were raised and not cleared when this outbox was opened."""
        return self._episodes

    def add(self, alert: Alert) -> None:
        """Keeps `alert` until `remove`; on disk when this returns, if the disk is well."""
        self._waiting[alert.id] = text = payload(alert)
        statements: list[_Statement] = [
            ("INSERT INTO waiting (id, payload) VALUES (?, ?)", (alert.id, text))
        ]
        if alert.event_type is AlertEvent.RAISED:
            emotions = json.dumps(alert.emotions)
            row = (alert.episode, alert.name, alert.face, emotions, alert.window_s)
            statements.append(("INSERT INTO episodes VALUES (?, ?, ?, ?, ?)", row))
        else:
            statements.append(("DELETE FROM episodes WHERE id = ?", (alert.episode,)))
        self._change(statements)

    def remove(self, alert_id: str) -> None:
        """Forgets the alert that the broker has acknowledged."""
        if self._waiting.pop(alert_id, None) is not None:
            self._change([("DELETE FROM waiting WHERE id = ?", (alert_id,))])

    def _change(self, statements: list[_Statement]) -> None:
        """All statements or none, on disk when it returns."""
        try:
            with self._database:
                for statement, values in statements:
                    self._database.execute(statement, values)
        except sqlite3.Error as error:
            if str(error) != self._trouble:
                log.error("%s: %s; alerts are kept in memory meanwhile", self._path, error)
            self._trouble = str(error)
        else:
            self._trouble = None

    def _open(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return _connect(str(self._path))
        except (NotADirectoryError, FileExistsError) as error:
            raise ConfigError(f"state.directory: {self._path.parent} is no directory") from error
        except (OSError, sqlite3.OperationalError) as error:
            self._trouble = first_line(error)
            log.error("%s: %s; alerts are kept in memory only", self._path, self._trouble)
        except sqlite3.DatabaseError as error:
            aside = self._path.with_suffix(".damaged")
            log.error("%s: %s; put aside as %s", self._path, error, aside.name)
            self._path.replace(aside)
            return _connect(str(self._path))
        return _connect(":memory:")


def _connect(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=1.0)
    database.execute("PRAGMA synchronous = FULL")
    database.executescript(_TABLES)
    return database
