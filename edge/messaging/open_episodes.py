"""Alerts that were raised and not yet cleared."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from edge.alert_state import Episode
from edge.messaging.database import Statement, Table
from edge.records import Alert, AlertEvent


class OpenEpisodes:
    """From a `raised` to its `cleared`, also over the end of a process."""

    def __init__(self) -> None:
        self.table: Table[Episode] = Table(
            "episodes",
            ("id TEXT PRIMARY KEY", "name TEXT", "face INTEGER", "emotions TEXT", "window_s REAL"),
            encode=_encode,
            decode=_decode,
        )

    def follow(self, alert: Alert) -> Statement:
        """Open or close the episode of `alert`."""
        if alert.event_type is AlertEvent.CLEARED:
            return self.table.remove(alert.episode)
        episode = Episode(alert.name, alert.face, alert.episode, alert.emotions, alert.window_s)
        return self.table.put(episode.id, episode)


def read_raised(*databases: Path) -> set[str]:
    """Return the names of raised alerts in the first outbox there is.

    It may be in use.
    """
    for database in databases:
        uri = f"{database.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True)) as file:
                return {str(name) for (name,) in file.execute("SELECT name FROM episodes")}
        except sqlite3.Error:  # none there, or not ours to read
            continue
    return set()


def _encode(episode: Episode) -> tuple[Any, ...]:
    return episode.name, episode.face, json.dumps(episode.emotions), episode.window_s


def _decode(key: str, name: str, face: int | None, emotions: str, window_s: float) -> Episode:
    return Episode(name, face, key, tuple(json.loads(emotions)), window_s)
