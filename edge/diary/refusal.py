"""What a directory says that no later try can change."""

from __future__ import annotations

import errno
from pathlib import Path

from edge.errors import PERMANENT, ConfigError, FerEdgeError


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
