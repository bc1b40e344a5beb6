"""A lock that the kernel releases when the process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def is_taken(path: Path) -> bool:
    """Return whether a process has the lock of a file; False without such a file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return False


def take(path: Path, flags: int = 0) -> int:
    """Lock a file or a directory; return a descriptor that releases it when closed.

    `flags` are added to those for opening it. Raises `BlockingIOError` if another process has
    the lock, other kinds of `OSError` if the disk refuses.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise
    return fd


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Lock a file for a `with` block; wait for other processes.

    It is made if it is missing.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def is_held(path: Path) -> bool:
    """Return whether any process has locked a path, without trying to lock it.

    From proc(5), `/proc/locks`: a try would take the lock from whoever starts at that moment.
    """
    found = path.stat()
    wanted = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    try:
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    return any(line.split()[1] == "FLOCK" and wanted in line.split() for line in lines)
