"""The pause of `fer-edge preview`: a lock, which the kernel takes away with the process."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from edge import filelock

_NAME = "preview"
#: A service that looks whether the lock is taken has it for a moment; longer is another preview.
_LOOKED_AT_S = 1.0


def lasts(folder: Path) -> bool:
    """Return whether a preview pauses the service whose files are in `folder`."""
    return filelock.is_taken(folder / _NAME)


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[bool]:
    """Pause the service while this lasts; yield False where none can be running.

    That is where its `folder` neither exists nor may be made. What was made is removed. Raises
    `BlockingIOError` if another process has the lock, other kinds of `OSError`.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except PermissionError:
        if not missing:
            raise
        yield False
        return
    fd = _take(folder / _NAME)
    try:
        os.fchmod(fd, 0o644)  # for the service to look at
        yield True
    finally:
        (folder / _NAME).unlink(missing_ok=True)
        os.close(fd)
        for path in missing:
            with contextlib.suppress(OSError):  # no longer empty
                path.rmdir()


def _take(file: Path) -> int:
    until_s = time.monotonic() + _LOOKED_AT_S
    while True:
        try:
            return filelock.take(file, os.O_CREAT)
        except BlockingIOError:
            if time.monotonic() >= until_s:
                raise
            time.sleep(0.02)
