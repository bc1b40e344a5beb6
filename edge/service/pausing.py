"""Whether watching is paused now, and why: the one place that decides."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from edge.config import pause
from edge.config.pause import PauseFiles, Reason
from edge.config.quiet import is_quiet

#: How often the files and the clock are looked at.
_LOOK_S = 0.5
log = logging.getLogger(__name__)


class Pauses:
    """Looks at the `files` and the time of day; several reasons may hold at once.

    Without either, only a wish over MQTT pauses; it is on disk, or in memory where the disk refuses
    it. `now` returns local time; `before` are the reasons under the configuration before this one.
    """

    def __init__(
        self,
        quiet: tuple[str, ...] = (),
        files: PauseFiles | None = None,
        now: Callable[[], datetime] = datetime.now,
        before: tuple[Reason, ...] = (),
    ) -> None:
        self._quiet, self._files, self._now = quiet, files, now
        self._over_mqtt: bool | None = None
        """What was wished over MQTT, as far as the disk does not have it."""
        self.latest = before
        """The reasons at the last look."""
        self._look_at_s = -math.inf
        self._began_s, self._paused_s = time.monotonic(), 0.0
        if files:
            with _logged("a pause from before a reboot is not known"):
                files.restore()

    def reasons(self) -> tuple[Reason, ...]:
        """Return why watching is paused; nothing where it is not. Looks twice a second."""
        now_s = time.monotonic()
        if now_s >= self._look_at_s:
            self._look_at_s = now_s + _LOOK_S
            self._take(self._found(), now_s)
        return self.latest

    def total_s(self) -> float:
        """Return the seconds for which watching was paused so far."""
        return self._paused_s + (time.monotonic() - self._began_s if self.latest else 0.0)

    def watch(self, *, on: bool) -> None:
        """Pause over MQTT, or end that; other reasons stay as they are."""
        self._over_mqtt, self._look_at_s = not on, -math.inf
        if self._files:
            with _logged("a restart will forget this pause, or its end"):
                (pause.remove if on else pause.create)(self._files.mqtt)
                self._over_mqtt = None

    def _found(self) -> tuple[Reason, ...]:
        found = set(self._files.reasons()) if self._files else set()
        if self._over_mqtt is not None:
            (found.add if self._over_mqtt else found.discard)(Reason.MQTT)
        if self._quiet and is_quiet(self._quiet, self._now().time()):
            found.add(Reason.QUIET)
        return tuple(reason for reason in Reason if reason in found)

    def _take(self, found: tuple[Reason, ...], now_s: float) -> None:
        before, self.latest = self.latest, found
        if found and not before:
            self._began_s = now_s
        elif before and not found:
            self._paused_s += now_s - self._began_s
        if found != before:
            log.info("%s", pause.pause_line(found) if found else "watching again")
        if self._files and (Reason.FILE in found) != (Reason.FILE in before):
            with _logged("a reboot will end this pause"):
                self._files.remember(paused=Reason.FILE in found)


@contextmanager
def _logged(consequence: str) -> Iterator[None]:
    """Log a disk that refuses, and what follows from it."""
    try:
        yield
    except OSError as error:
        log.error("%s: %s; %s", error.filename, error.strerror, consequence)
