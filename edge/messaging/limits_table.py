"""The counts at which alerts are raised, where somebody has set them over MQTT."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # without a broker, nobody needs SQLite
    from edge.messaging.database import Table


def limits_table() -> Table[int]:
    """Return the table of counts by the alerts' names."""
    from edge.messaging.database import Table  # noqa: PLC0415

    return Table(
        "limits",
        ("id TEXT PRIMARY KEY", "count INTEGER"),
        encode=lambda count: (count,),
        decode=lambda _, count: int(count),
    )


def read_limits(directory: Path) -> dict[str, int]:
    """Return the counts in the outbox of `directory`, which a service may have open."""
    import sqlite3  # noqa: PLC0415

    from edge.messaging.outbox import NAME  # noqa: PLC0415 (the outbox has this table)

    database = directory / NAME
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as file:
            return {str(name): int(n) for name, n in file.execute("SELECT id, count FROM limits")}
    except (sqlite3.Error, ValueError, TypeError):
        return {}
