"""What `fer-edge status` prints: a small file that the service keeps up to date.

Under systemd it lies in the runtime directory, which is memory; else in the state directory. It
says who is in sight, so only the service's user and root may read it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from edge.config.names import slug
from edge.config.pause import PauseFiles, own_files
from edge.config.schema import Config
from edge.records import Alert, Snapshot

Tell: TypeAlias = Callable[[Snapshot, Iterable[Alert]], None]

_NAME = "status.json"
#: A service writes every 5 seconds; one that has not for this long hangs, or was killed.
_FRESH_S = 15.0
log = logging.getLogger(__name__)


class Broker(NamedTuple):
    """The connection to a broker, and the messages that it has not acknowledged."""

    connected: bool
    waiting: int


class Kept(NamedTuple):
    """What was true at `written_s`, in seconds of the monotonic clock that all processes share.

    `state` is the content of the topic of that name. `raised`, `limits` and `least_shares` are by
    alert's name: whether it is raised, and at how many readings and which share of them it is.
    `broker` is None without one.
    """

    pid: int
    written_s: float
    source: str
    state: Mapping[str, Any]
    raised: Mapping[str, bool]
    limits: Mapping[str, int]
    least_shares: Mapping[str, float]
    broker: Broker | None

    @property
    def running(self) -> bool:
        """Whether the service still says so."""
        now_s = time.monotonic()
        return self.written_s <= now_s < self.written_s + _FRESH_S and _exists(self.pid)


class StatusFile:
    """Written whenever the `state` topic's content changes; removed at the end of the service."""

    def __init__(self, config: Config) -> None:
        self._path, self._source = _path(own_files(config)), config.camera.source
        self.broker: Broker | None = None
        self.limits: Mapping[str, int] = {slug(rule.name): rule.count for rule in config.alerts}
        self._least_shares = {slug(rule.name): rule.share for rule in config.alerts}
        self._state: object = None
        self._failing = False

    def after(self, tell: Tell) -> Tell:
        """Return what calls `tell` and then writes."""

        def tell_and_write(snapshot: Snapshot, alerts: Iterable[Alert]) -> None:
            tell(snapshot, alerts)
            self.write(snapshot)

        return tell_and_write

    def write(self, snapshot: Snapshot) -> None:
        """Write what is true, if it is new; a disk that refuses is logged once."""
        if snapshot.state is self._state:
            return
        self._state = snapshot.state
        kept = Kept(
            os.getpid(),
            snapshot.monotonic_s,
            self._source,
            snapshot.state,
            snapshot.raised,
            self.limits,
            self._least_shares,
            self.broker,
        )
        try:
            self._replace(json.dumps(kept._asdict()))
        except OSError as error:
            if not self._failing:
                log.warning(
                    "%s: %s; fer-edge status has nothing to show", self._path, error.strerror
                )
            self._failing = True

    def close(self) -> None:
        """Remove the file."""
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _replace(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".new")
        fd = os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="utf-8") as file:  # noqa: PTH123 (a descriptor)
            file.write(text)
        unfinished.replace(self._path)


def read(files: PauseFiles) -> Kept | None:
    """Return what the service says; None where there is none. Raises `OSError`."""
    try:
        found = json.loads(_path(files).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    broker = found.pop("broker")
    return Kept(**found, broker=Broker(*broker) if broker else None)


def _path(files: PauseFiles) -> Path:
    return (files.runtime if files.systemd else files.state) / _NAME


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
