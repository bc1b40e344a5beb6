"""The directories of the diary and the outbox: whether the service can use them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from edge import filelock
from edge.errors import PERMANENT, ConfigError, FerEdgeError


def validate_path(directory: Path, key: str) -> None:
    """Raise `ConfigError` for a wrong path; a disk that fails is not an error here."""
    try:
        with _present(directory):
            return
    except OSError as error:
        if error.errno in PERMANENT:
            raise ConfigError(f"{key}: {directory}: {error.strerror}") from error


def validate_unlocked(directory: Path) -> None:
    """Raise `FerEdgeError` if another process has locked it.

    A failing disk is not an error.
    """
    try:
        os.close(filelock.take(directory, os.O_DIRECTORY))
    except BlockingIOError as error:
        line = f"diary.directory: {directory}: another fer-edge writes there"
        raise FerEdgeError(line) from error
    except OSError:
        return


def free_gb(directory: Path, key: str) -> float:
    """Write to `directory` and return the free space there, in GB.

    Leaves nothing behind, not even the directory itself. Raises `FerEdgeError`.
    """
    import shutil  # noqa: PLC0415 (run needs neither)
    import tempfile  # noqa: PLC0415

    try:
        with _present(directory):
            with tempfile.TemporaryFile(dir=directory) as file:
                file.write(b"\0" * 4096)
            return shutil.disk_usage(directory).free / 1e9
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FerEdgeError(f"{key}: cannot write to {directory}: {reason}") from error


@contextlib.contextmanager
def _present(directory: Path) -> Iterator[None]:
    """Make `directory` if it is missing, and remove afterwards what was made."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for path in missing:
            with contextlib.suppress(OSError):  # never made, or no longer empty
                path.rmdir()
