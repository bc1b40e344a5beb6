"""What people ask of alerts: to be silent for a while (snooze), to be raised once as a test."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple, TypeAlias

from edge.alert_state import RuleState
from edge.alerts.episodes import about_open
from edge.records import Alert, AlertEvent

#: How long an alert that is a test stays raised.
TEST_S = 3.0
#: Makes the alert of a test: which event, of which episode.
Trial: TypeAlias = Callable[[AlertEvent, str], Alert]


class _Test(NamedTuple):
    until_s: float
    trial: Trial
    episode: str


class Requests:
    """What was asked, by the names of the alerts.

    A snoozed rule goes on counting, but nobody hears of it: whatever it has open is hidden. Times
    are the source's, those of tests the machine's monotonic clock.
    """

    def __init__(
        self, new_id: Callable[[], str], snoozed: Iterable[tuple[str, float]] = ()
    ) -> None:
        self._new_id = new_id
        self._until_s = dict(snoozed)
        self._tests: dict[str, _Test] = {}
        self._waiting: list[Alert] = []

    @property
    def snoozed(self) -> tuple[tuple[str, float], ...]:
        """The snoozed alerts, each with the end of its snooze."""
        return tuple(self._until_s.items())

    def snooze(self, rule: RuleState, until_s: float, time: datetime) -> None:
        """Silence a rule until `until_s`; what is raised is told to be over."""
        if rule.name not in self._until_s:
            self._waiting += about_open(rule, AlertEvent.CLEARED, time, "snoozed", self._new_id)
        self._until_s[rule.name] = until_s

    def is_snoozed(self, name: str) -> bool:
        """Return whether nobody is to hear of an alert."""
        return name in self._until_s

    def woken(self, now_s: float) -> list[str]:
        """Return the alerts whose snooze is over, once."""
        over = [name for name, until_s in self._until_s.items() if until_s <= now_s]
        for name in over:
            del self._until_s[name]
        return over

    def resume(self, shift_s: float, away_s: float) -> None:
        """Take over the clock of a new source, see `edge.alerts.rule.Rule`."""
        self._until_s = {name: s + shift_s - away_s for name, s in self._until_s.items()}

    def test(self, name: str, trial: Trial, monotonic_s: float) -> None:
        """Raise an alert that is only a test, and clear it `TEST_S` later; nothing during one."""
        if name not in self._tests:
            episode = uuid.uuid4().hex
            self._waiting.append(trial(AlertEvent.RAISED, episode))
            self._tests[name] = _Test(monotonic_s + TEST_S, trial, episode)

    def end_test(self, name: str, trial: Trial, episode: str) -> None:
        """Clear a test that was raised before a restart, or a reload."""
        self._tests[name] = _Test(-math.inf, trial, episode)

    @property
    def tests(self) -> tuple[tuple[str, str], ...]:
        """The alerts that are raised as a test, each with its episode."""
        return tuple((name, test.episode) for name, test in self._tests.items())

    def is_tested(self, name: str) -> bool:
        """Return whether an alert is raised as a test."""
        return name in self._tests

    def due(self, monotonic_s: float) -> list[Alert]:
        """Return the alerts that follow from what was asked, each once."""
        if not self._waiting and not self._tests:
            return []
        alerts, self._waiting = self._waiting, []
        for name, test in list(self._tests.items()):
            if test.until_s <= monotonic_s:
                del self._tests[name]
                alerts.append(test.trial(AlertEvent.CLEARED, test.episode))
        return alerts
