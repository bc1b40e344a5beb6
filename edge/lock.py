"""A lock that falls with the process, however that ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def take(path: Path, flags: int = 0) -> int:
    """Locks a file or a directory; the descriptor to close in the end.

    `flags` are further ones for opening it. Raises `BlockingIOError` where somebody else has the
    lock, other kinds of `OSError` where the disk refuses.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise
    return fd
