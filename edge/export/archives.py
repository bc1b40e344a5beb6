"""Which archives of a diary are exported in full, so that they need not be read again.

Only the current file grows. What is kept of an archive is how many bytes it has, uncompressed, so
that it is read again once somebody has edited it.
"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

from edge.diary.span import span

_NAME = "_archives.json"


class Archives:
    """Those of one device, in its `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._done = _read(folder / _NAME)
        self._found: dict[str, int] = {}

    def is_done(self, path: Path) -> bool:
        """Return whether the folder has all rows of an archive."""
        try:
            name, size = path.name.removesuffix(".gz"), _plain_bytes(path)
        except (OSError, struct.error):  # compressed since it was listed, or cut short
            return False
        self._found[name] = size
        return self._done.get(name) == size and self._has_days(path)

    def _has_days(self, path: Path) -> bool:
        """Return whether nobody has removed the folders of the first and the last day."""
        found = span(path)
        days = {time.date() for time in found or ()}
        return all((self._folder / f"date={day}").is_dir() for day in days)

    def keep(self) -> None:
        """Keep that all archives that were asked about are done now."""
        if self._found != self._done:
            part = self._folder / f".{_NAME}"
            part.write_text(json.dumps(self._found, indent=1) + "\n")
            part.replace(self._folder / _NAME)


def _read(path: Path) -> dict[str, int]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):  # none yet, or damaged: everything is read again
        return {}
    return found if isinstance(found, dict) else {}


def _plain_bytes(path: Path) -> int:
    """Return the size uncompressed, which a gzip file ends with (RFC 1952; modulo 2^32)."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if path.suffix != ".gz":
            return size
        file.seek(max(0, size - 4))
        found: int = struct.unpack("<I", file.read(4))[0]
        return found
