"""Where files are: paths of the configuration as the file system knows them."""

from __future__ import annotations

import os
from pathlib import Path

from edge.errors import ConfigError
from edge.packaged import FACES, MODELS, SHIPPED


def expanded(path: str) -> Path:
    """Return `path` with `~` as the home directory.

    Raises `ConfigError` where there is none.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{path}: there is no such home directory; write it in full") from error


def model_path(configured: str) -> Path:
    """Return the file of a shipped model's name, or the path itself."""
    return MODELS / f"{configured}.tflite" if configured in SHIPPED else expanded(configured)


def face_model_path(configured: str) -> Path:
    """Return the file of the face network: ours unless configured."""
    return expanded(configured) if configured else FACES


def diary_directory() -> Path:
    """Return the diary's default directory: systemd's, or one's own."""
    return systemd_directory("LOGS_DIRECTORY") or own_directory()


def state_directory() -> Path:
    """Return the outbox's default directory: systemd's, or one's own."""
    return systemd_directory("STATE_DIRECTORY") or own_directory()


def own_directory() -> Path:
    """Return the directory of whoever runs this outside systemd."""
    return expanded(os.environ.get("XDG_STATE_HOME") or "~/.local/state") / "fer-edge"


def systemd_directory(variable: str) -> Path | None:
    """Return the first directory in a variable of systemd's; None where it has none."""
    first = os.environ.get(variable, "").partition(":")[0]
    return Path(first) if first else None
