"""What Home Assistant knows of this device: a random id, and what was announced with it."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from edge.messaging.database import Statement, Table


class Announced:
    """Two tables: the id, which is made once, and the platform of every component by its key."""

    def __init__(self) -> None:
        self.id_table: Table[None] = Table(
            "device", ("id TEXT PRIMARY KEY",), encode=lambda _: (), decode=lambda _: None
        )
        self.table: Table[str] = Table(
            "announced",
            ("id TEXT PRIMARY KEY", "platform TEXT"),
            encode=lambda platform: (platform,),
            decode=lambda _, platform: str(platform),
        )

    @property
    def device_id(self) -> str | None:
        """The id, None where none was made yet.

        The oldest counts: one that was made while the disk could not be read is newer.
        """
        return next(iter(self.id_table.rows), None)

    def new_id(self) -> Statement:
        """Make the id."""
        return self.id_table.put(secrets.token_hex(4), None)

    def replace(self, platforms: Mapping[str, str]) -> list[Statement]:
        """Record that these components are announced now, and no others."""
        gone = [key for key in self.table.rows if key not in platforms]
        new = {k: p for k, p in platforms.items() if self.table.rows.get(k) != p}
        return [self.table.remove(key) for key in gone] + [
            self.table.put(key, platform) for key, platform in new.items()
        ]


def read_device_id(database: Path) -> str | None:
    """Return the id in the outbox's `database`, which may be in use; None if unknown."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as file:
            row = file.execute("SELECT id FROM device ORDER BY rowid").fetchone()
    except sqlite3.Error:
        return None
    return str(row[0]) if row else None
