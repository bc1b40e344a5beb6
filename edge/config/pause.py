"""Why watching is paused, and the files that say so: for the service and for other programs.

Two files pause, each by itself: `paused` in the runtime directory, which systemd makes for the
service, and `paused` in the state directory, for a service without systemd. A third keeps what
somebody wished over MQTT. Only whether a file exists counts, not what is in it. Since a reboot
empties the runtime directory, a fourth keeps in which boot its file was seen. `fer-edge preview`
pauses by a lock, which ends with it, however it ends (`edge.config.previewing`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from edge.config import previewing
from edge.config.loader import SYSTEM_CONFIG
from edge.config.paths import own_directory, systemd_directory
from edge.config.quiet import is_quiet
from edge.config.schema import Config

#: What systemd/fer-edge.service has (`RuntimeDirectory`, `StateDirectory`).
SERVICE_RUNTIME, SERVICE_STATE = Path("/run/fer-edge"), Path("/var/lib/fer-edge")
_FILE, _MQTT_FILE, _BOOT_FILE = "paused", "paused-over-mqtt", "paused-in-boot"


class Reason(StrEnum):
    """Why watching is paused; several may hold at once."""

    FILE = "file"
    """`fer-edge pause`, or anybody else who has made the file."""
    MQTT = "mqtt"
    """`OFF` on the topic `watching/set`."""
    QUIET = "quiet"
    """`watching.quiet` in the configuration."""
    PREVIEW = "preview"
    """`fer-edge preview` has the camera."""


#: How each ends.
_ENDS = {
    Reason.FILE: "until: fer-edge resume",
    Reason.MQTT: "until ON is published on watching/set",
    Reason.QUIET: "watching.quiet",
    Reason.PREVIEW: "while fer-edge preview runs",
}


def pause_line(reasons: Iterable[Reason]) -> str:
    """Return a line that says why watching is paused, and how that ends."""
    return f"paused: {', '.join(f'{reason} ({_ENDS[reason]})' for reason in reasons)}"


class PauseFiles(NamedTuple):
    """Where the files of one service are; `systemd` says whether it runs under it."""

    runtime: Path
    state: Path
    systemd: bool

    @property
    def written(self) -> Path:
        """The file that `pause` makes."""
        return (self.runtime if self.systemd else self.state) / _FILE

    @property
    def read(self) -> tuple[Path, ...]:
        """The files of which each pauses."""
        return self.runtime / _FILE, self.state / _FILE

    @property
    def mqtt(self) -> Path:
        """The file that keeps a pause over MQTT."""
        return self.state / _MQTT_FILE

    def pause(self) -> bool:
        """Pause; return whether it was not paused by a file yet. Raises `OSError`."""
        return False if any(map(os.path.lexists, self.read)) else create(self.written)

    def resume(self) -> bool:
        """End a pause by a file; return whether there was one. Raises `OSError`."""
        removed = [remove(file) for file in self.read]  # all of them
        return any(removed)

    def remember(self, *, paused: bool) -> None:
        """Keep in the state directory whether a file pauses, for `restore`.

        Raises `OSError`.
        """
        from edge.clock import boot_id  # noqa: PLC0415 (a command needs no numpy)

        kept = self.state / _BOOT_FILE
        if paused and os.path.lexists(self.runtime / _FILE):
            create(kept)
            kept.write_text(boot_id(), "ascii")
        else:
            remove(kept)

    def restore(self) -> None:
        """Pause again where a reboot has emptied the runtime directory. Raises `OSError`."""
        from edge.clock import boot_id  # noqa: PLC0415

        kept = self.state / _BOOT_FILE
        if self.systemd and kept.exists() and kept.read_text("ascii") != boot_id():
            create(self.runtime / _FILE)

    def previewing(self) -> AbstractContextManager[bool]:
        """Pause while this lasts, and not longer than this process.

        See `previewing.lock`.
        """
        return previewing.lock(self.runtime if self.systemd else self.state)

    def reasons(self) -> Iterator[Reason]:
        """Yield the reasons that files give."""
        if any(map(os.path.lexists, self.read)):
            yield Reason.FILE
        if os.path.lexists(self.mqtt):
            yield Reason.MQTT
        if any(map(previewing.lasts, (self.runtime, self.state))):
            yield Reason.PREVIEW


def own_files(config: Config) -> PauseFiles:
    """Return the files of the service that this process is."""
    runtime = systemd_directory("RUNTIME_DIRECTORY")
    return PauseFiles(runtime or SERVICE_RUNTIME, config.state.directory, runtime is not None)


def files_of(config: Config, file: Path | None) -> PauseFiles:
    """Return, for a command, the files of the service that runs with `config`.

    It was read from `file`.
    The installed service reads the system's configuration, and its directories are systemd's; one
    with another configuration is taken for one that somebody has started by hand.
    """
    system = file is None or file.absolute() == SYSTEM_CONFIG
    installed = SERVICE_RUNTIME.is_dir() or SERVICE_STATE.is_dir()
    if systemd_directory("RUNTIME_DIRECTORY") or not (system and installed):
        return own_files(config)
    configured = config.state.directory != own_directory()
    state = config.state.directory if configured else SERVICE_STATE
    return PauseFiles(SERVICE_RUNTIME, state, systemd=True)


def reasons(config: Config, files: PauseFiles, now: datetime) -> tuple[Reason, ...]:
    """Return why watching is paused at `now`, local time; nothing where it is not."""
    quiet = is_quiet(config.watching.quiet, now.time())
    return (*files.reasons(), *((Reason.QUIET,) if quiet else ()))


def create(file: Path) -> bool:
    """Make an empty file that a power cut does not take; return whether it is new."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    except FileExistsError:
        return False
    _flush(file.parent)
    return True


def remove(file: Path) -> bool:
    """Remove a file for good; return whether it was there."""
    try:
        file.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    _flush(file.parent)
    return True


def _flush(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
