"""What the disk refuses, in words, and what no later try can change."""

from __future__ import annotations

import errno
from pathlib import Path

from edge.errors import PERMANENT, ConfigError, FerEdgeError


def reason(error: OSError) -> str:
    """Return why the disk refuses; of a directory in place of a file, which one it is."""
    if isinstance(error, IsADirectoryError):
        return f"{place(error)} is a directory; move it away"
    return error.strerror or "no reason"


def place(error: OSError) -> str:
    """Return the path that an error is about; of a replacement, the second is the directory."""
    return str(error.filename2 or error.filename)


def raise_if_permanent(error: OSError, directory: Path) -> None:
    """Raise what retrying cannot fix; return for everything else."""
    # Possibly a dangling mount-point link: the card may come later.
    link_to_nothing = error.errno == errno.EEXIST and not directory.exists()
    if error.errno in PERMANENT and not link_to_nothing:
        raise ConfigError(
            f"diary.directory: {directory} cannot be a directory: {error.strerror}; name another"
        ) from error
    if isinstance(error, BlockingIOError):
        raise FerEdgeError(
            f"{directory}: another fer-edge writes its diary there; stop it, or set diary.directory"
        ) from error
