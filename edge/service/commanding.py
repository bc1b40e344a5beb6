"""Do what was asked for over MQTT."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime

from edge.alerts.rules import Rules
from edge.clock import synchronised
from edge.messaging.commands import (
    Command,
    RaiseTest,
    RestartCamera,
    SetLimit,
    SetWatching,
    Snooze,
)
from edge.notes import EventWord
from edge.records import Event
from edge.service.limits import Limits
from edge.service.watching import Conditions

log = logging.getLogger(__name__)


class Commander:
    """Turns a command into a change of the rules, the limits, or what decides when to watch.

    `note` takes an event for the diary.
    """

    def __init__(
        self, rules: Rules, limits: Limits, conditions: Conditions, note: Callable[[Event], None]
    ) -> None:
        self._rules, self._limits = rules, limits
        self._conditions, self._note = conditions, note

    def obey(self, command: Command) -> None:
        """Do it; what follows for alerts comes with the next frame or idle moment."""
        log.debug("%s", command)
        now, now_s = datetime.now().astimezone(), time.monotonic()
        match command:
            case SetWatching(on):
                self._conditions.pauses.watch(on=on)
            case RestartCamera():
                self._conditions.restart.set()
            case RaiseTest(name):
                self._rules.test(name, now_s)
            case Snooze(name, seconds):
                self._rules.snooze(name, seconds, now, now_s)
                log.info("alert '%s': snoozed for %d s", name, seconds)
                if seconds:
                    self._note(Event(now, EventWord.SNOOZED.of(name), synchronised()))
            case SetLimit(name, count):
                self._rules.configure(self._limits.set(name, count))
