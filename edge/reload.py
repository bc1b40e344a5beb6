"""SIGHUP: a new configuration takes over, if all of it is right; else the old one stays.

It takes over as a restart would, in the same process: every part is closed and opened anew. So
what waits in the outbox waits on, and an alert that is raised ends, as at any start.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from edge import daemon, lock
from edge.access import access
from edge.camera import refuse_wrong
from edge.config import Config, rarities
from edge.errors import MALFORMED, ConfigError, Problem
from edge.records import Frame
from edge.systemd import Notifier

log = logging.getLogger(__name__)


class Reload:
    """Looks for `asked` between frames; any number of signals until then are one."""

    def __init__(
        self,
        current: Config,
        load: Callable[[], Config],
        asked: threading.Event,
        notifier: Notifier,
    ) -> None:
        self._current = current
        self._load, self._asked, self._notifier = load, asked, notifier
        self._next: Config | None = None

    def heed(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """`frames`, until a right configuration was asked for and found."""
        for frame in frames:
            yield frame
            if self._asked.is_set():
                self._asked.clear()
                self._notifier.reloading()
                self._next = self._checked()
                if self._next is not None:
                    return
        self._notifier.stopping()

    def taken(self) -> Config | None:
        """The configuration that takes over, once."""
        found, self._next = self._next, None
        self._current = found or self._current
        return found

    def _checked(self) -> Config | None:
        try:
            config = self._load()
            validate(config, self._current)
        except Problem as problem:
            log.error("%s; the configuration stays as it was", problem)
            return None
        log.info("the new configuration takes over")
        return config


def validate(config: Config, running: Config) -> None:
    """Raises `Problem` where `daemon.serve` would, as far as can be told beside `running`."""
    daemon.read_model(config)
    if config.mqtt.host:
        access(config.mqtt)
    refuse_wrong(config.camera)
    _possible(config.log_directory, "log.directory")
    _possible(config.state_directory, "state.directory")
    if config.log_directory.resolve() != running.log_directory.resolve():  # that one we have
        _free(config.log_directory)


def _possible(directory: Path, key: str) -> None:
    """A disk that refuses for now is none of our business here; a path that is wrong is."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno in MALFORMED:
            raise ConfigError(f"{key}: {directory}: {error.strerror}") from error


def _free(directory: Path) -> None:
    """As `Journal` will see it; a disk that refuses for now is none of our business here either."""
    try:
        os.close(lock.take(directory, os.O_DIRECTORY))
    except BlockingIOError as error:
        raise Problem(f"log.directory: {directory}: another fer-edge writes there") from error
    except OSError:
        return


def serve(
    config: Config,
    load: Callable[[], Config],
    stop: threading.Event,
    asked: threading.Event,
    *,
    realtime: bool = False,
    loops: int = 1,
) -> None:
    """Runs the service until it ends or `stop` is set, by a new configuration each time it is
    `asked` for, as `load` gives it. Raises what `daemon.serve` raises.
    """
    current: Config | None = config
    with Notifier() as notifier:
        reload = Reload(config, load, asked, notifier)
        while current is not None:
            logging.getLogger().setLevel(current.log.level.upper())
            for line in rarities(current):
                log.warning("%s", line)
            daemon.serve(current, stop, notifier, realtime=realtime, loops=loops, heed=reload.heed)
            current = reload.taken()
