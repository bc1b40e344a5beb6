"""SIGHUP: a new configuration takes over if all of it is right; else the old one stays.

It takes over as a restart would, in the same process: every part is closed and opened again. Only
where this process cannot open a camera again it executes its command again, with the same process
id. The alerts' windows, cooldowns and raised states are carried over, with or without a broker.
`reload_answer` tells `systemctl reload` the result.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable

from edge.camera.source import opens_again
from edge.config.checks import warnings
from edge.config.pause import own_files
from edge.config.schema import Config
from edge.errors import DiaryError, FerEdgeError
from edge.redact import redacted
from edge.service import loop, reload_answer
from edge.service.alerting import Carried
from edge.service.parts import validate
from edge.service.pausing import Pauses
from edge.service.systemd import Notifier
from edge.service.watching import Conditions

log = logging.getLogger(__name__)


class Reload:
    """Checks between frames whether a reload was `requested`; several signals count as one."""

    def __init__(
        self,
        current: Config,
        load: Callable[[], Config],
        requested: threading.Event,
        notifier: Notifier,
    ) -> None:
        self._current = current
        self._load, self._requested, self._notifier = load, requested, notifier
        self._next: Config | None = None

    def until_reload(self) -> bool:
        """Return whether a reload was requested and its configuration is right."""
        if not self._requested.is_set():
            return False
        self._requested.clear()
        asked_s = time.monotonic()  # after clear(): a signal from now on asks for another one
        self._notifier.reloading()
        try:
            self._next = self._checked()
            answer = reload_answer.Answer(asked_s, "", 0)
            log.info("the new configuration takes over")
        except FerEdgeError as error:
            for line in str(error).splitlines():
                log.error("%s; the configuration stays as it was", line)
            answer = reload_answer.Answer(asked_s, str(error), error.code)
        try:
            reload_answer.write(answer)
        except OSError as error:
            log.warning("the answer to the reload cannot be written: %s", error)
        return self._next is not None

    def take(self) -> Config | None:
        """Return the configuration that takes over, once."""
        found, self._next = self._next, None
        self._current = found or self._current
        return found

    def _checked(self) -> Config:
        config = self._load()
        validate(config, self._current)
        return config


def serve(
    config: Config,
    load: Callable[[], Config],
    stop: threading.Event,
    requested: threading.Event,
    *,
    realtime: bool = False,
    loops: int = 1,
) -> None:
    """Run the service until it ends or `stop` is set; if `requested`, as `load` says.

    Raises what `loop.serve` raises.
    """
    current: Config | None = config
    carried, pauses = Carried(), Pauses()
    with Notifier() as notifier:
        reload = Reload(config, load, requested, notifier)
        while current is not None:
            logging.getLogger().setLevel(current.logging.level.upper())
            for line in warnings(current):
                log.warning("%s", line)
            quiet, files = current.watching.quiet, own_files(current)
            pauses = Pauses(quiet, files, before=pauses.reasons())
            conditions = Conditions(stop, pauses, reload.until_reload)
            unwritten: DiaryError | None = None
            try:
                count = loop.serve(
                    current,
                    conditions,
                    notifier,
                    realtime=realtime,
                    loops=loops,
                    carried=carried,
                )
            except DiaryError as error:
                unwritten = error
            served, current = current, reload.take()
            _start_afresh_if_needed(conditions, notifier, reloading=current is not None)
            if unwritten and current is None:
                raise unwritten
            if unwritten:  # a full disk does not end a service that is reloaded
                log.error("%s", unwritten)
            elif current is None and not stop.is_set():
                source, diary = redacted(served.camera.source), served.diary.directory
                log.info("%s has ended; readings: %d; diary: %s", source, count, diary)


def _start_afresh_if_needed(conditions: Conditions, notifier: Notifier, *, reloading: bool) -> None:
    """Run the same command in this process's place; systemd sees only a reload."""
    if conditions.afresh.is_set():
        notifier.reloading()
    elif not reloading or opens_again():
        return
    log.info("starting afresh to open the camera again")
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
