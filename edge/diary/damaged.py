"""Copies of a table of hours that had lines which are not its rows: nothing in them is lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from edge.diary import layout

_STEM = "hours-damaged"


def copies(directory: Path) -> list[Path]:
    """Return those that are there, oldest first."""
    return sorted(directory.glob(f"{_STEM}-*.csv"))


def next_copy(directory: Path) -> Path:
    """Return the path for one of today; nothing is there yet."""
    return layout.next_of_today(directory, _STEM)


def keep(table: Path, copy: Path) -> None:
    """Copy the table; it is on the disk when this returns. May raise `OSError`."""
    with table.open("rb") as source, copy.open("xb") as file:
        try:
            shutil.copymode(table, copy)
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            copy.unlink()  # on a full card every byte counts
            raise
