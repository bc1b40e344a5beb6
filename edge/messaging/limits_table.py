"""The counts at which alerts are raised, where somebody has set them over MQTT."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from edge.messaging.database import Table


def limits_table() -> Table[int]:
    """Return the table of counts by the alerts' names."""
    return Table(
        "limits",
        ("id TEXT PRIMARY KEY", "count INTEGER"),
        encode=lambda count: (count,),
        decode=lambda _, count: int(count),
    )


def read_limits(database: Path) -> dict[str, int]:
    """Return the counts in the outbox's `database`, which a service may have open."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as file:
            return {str(name): int(n) for name, n in file.execute("SELECT id, count FROM limits")}
    except (sqlite3.Error, ValueError, TypeError):
        return {}
