"""All alerts of a configuration: each a rule of its own, joined for the loop."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from functools import partial

from edge.alert_state import AlertState, RuleState
from edge.alerts.absence import AbsenceRule
from edge.alerts.count import CountRule
from edge.alerts.episodes import about_open, is_raised
from edge.alerts.requests import Requests
from edge.alerts.retired import RetiredRule
from edge.alerts.rule import Rule
from edge.alerts.trend import Daily, TrendRule
from edge.alerts.trial import trial_alert
from edge.config.alerts import BLIND, TREND, AlertConfig
from edge.records import Alert, AlertEvent, Frame, Reading


class Rules:
    """The alerts of `configs`, which must be resolved, and those that count no readings.

    `absent_after_s`: seconds without a face after which the alert `blind` is raised; 0 for never.
    `daily`: the days that the alert `trend` is about; None for no such alert.
    `state` is what an earlier `Rules` remembered. What it left raised and is not configured any
    more is cleared at the first frame.
    """

    def __init__(
        self,
        configs: Iterable[AlertConfig],
        absent_after_s: float = 0.0,
        state: AlertState | None = None,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
        daily: Daily | None = None,
    ) -> None:
        state = state or AlertState()
        before = {rule.name: rule for rule in state.rules}
        self._rules: list[Rule] = [
            CountRule(config, new_id, before.pop(config.name, None)) for config in configs
        ]
        if absent_after_s:
            self._rules.append(AbsenceRule(BLIND, absent_after_s, new_id, before.pop(BLIND, None)))
        if daily is not None:
            self._rules.append(TrendRule(TREND, daily, new_id, before.pop(TREND, None)))
        self._rules += [RetiredRule(rule, new_id) for rule in before.values() if is_raised(rule)]
        names = {rule.name for rule in self._rules}
        snoozed = [each for each in state.snoozed if each[0] in names]
        self._new_id, self._requests = new_id, Requests(new_id, snoozed)
        for name, episode in state.tests:
            gone = partial(trial_alert, RuleState(name, (), 0.0, ()), 0)
            trial = partial(self.trial, name) if name in names else gone
            self._requests.end_test(name, trial, episode)
        self._resumed = False
        self._clocks = state._replace(rules=(), snoozed=(), tests=())

    def update(self, frame: Frame, readings: Collection[Reading]) -> tuple[Alert, ...]:
        """Return the alerts raised and cleared by this frame; call it for every frame."""
        if not self._resumed:
            self._resume(frame)
            self._resumed = True
        self._clocks = AlertState((), frame.source_s, frame.time, frame.monotonic_s)
        alerts = self._requests.due(frame.monotonic_s)
        for rule in self._rules:
            alerts += self._audible(rule, rule.update(frame, readings))
        for name in self._requests.woken(frame.source_s):
            state = self._rule(name).state()
            raised, reason = AlertEvent.RAISED, "still true after a snooze"
            alerts += about_open(state, raised, frame.time, reason, self._new_id)
        return tuple(alerts)

    def idle(self, monotonic_s: float) -> tuple[Alert, ...]:
        """Return what was asked for while there is no frame; call it several times a second."""
        return tuple(self._requests.due(monotonic_s))

    def pause(self, now: datetime, monotonic_s: float) -> tuple[Alert, ...]:
        """Return the alerts that end because nobody is watched; call it several times a second.

        To the windows a pause is what a restart is: the next frame continues from the last one.
        """
        self._resumed = False
        alerts = self._requests.due(monotonic_s)
        source_s = self._clocks.source_s
        if source_s is not None:
            away_s = self._away_s(now, monotonic_s)
            for rule in self._rules:
                alerts += self._audible(rule, rule.expire(away_s, source_s, now))
        return tuple(alerts)

    def snooze(self, name: str, seconds: float, now: datetime, monotonic_s: float) -> None:
        """Silence an alert for that many `seconds`; 0 ends the silence; raises `KeyError`.

        What it counts goes on. If it is raised now, it is told to be over, and raised again in the
        end if it still is.
        """
        rule = self._rule(name)
        if seconds <= 0 and not self._requests.is_snoozed(name):
            return
        if self._clocks.source_s is None:  # no frame yet: this moment stands for one
            self._clocks = AlertState((), 0.0, now, monotonic_s)
        until_s = (self._clocks.source_s or 0.0) + self._away_s(now, monotonic_s) + seconds
        self._requests.snooze(rule.state(), until_s, now)

    def snoozed(self) -> tuple[str, ...]:
        """Return the names of the alerts that are silent."""
        return tuple(name for name, _ in self._requests.snoozed)

    def test(self, name: str, monotonic_s: float) -> None:
        """Raise an alert as a test, and clear it seconds later; raises `KeyError`."""
        self._requests.test(name, partial(self.trial, name), monotonic_s)

    def trial(self, name: str, event: AlertEvent, episode: str) -> Alert:
        """Return an alert that is only a test, as its rule would tell it; raises `KeyError`."""
        rule, count = self._rule(name), 0
        if isinstance(rule, CountRule):
            raised = event is AlertEvent.RAISED
            count = rule.config.count if raised else rule.config.clear_count
        return trial_alert(rule.state(), count, event, episode)

    def configure(self, config: AlertConfig) -> None:
        """Let the alert of this name go by `config`, resolved, from now on; raises `KeyError`."""
        rule = self._rule(config.name)
        if isinstance(rule, CountRule):
            rule.config = config

    def _rule(self, name: str) -> Rule:
        return {rule.name: rule for rule in self._rules}[name]

    def _audible(self, rule: Rule, alerts: list[Alert]) -> list[Alert]:
        return [] if self._requests.is_snoozed(rule.name) else alerts

    def _resume(self, frame: Frame) -> None:
        source_s = self._clocks.source_s
        if source_s is not None:
            away_s = self._away_s(frame.time, frame.monotonic_s)
            for rule in self._rules:
                rule.resume(frame.source_s - source_s, away_s)
            self._requests.resume(frame.source_s - source_s, away_s)

    def _away_s(self, now: datetime, monotonic_s: float) -> float:
        """Return how long ago the last frame was, 0 or more."""
        time, before_s = self._clocks.time, self._clocks.monotonic_s
        if before_s is not None:
            return max(monotonic_s - before_s, 0.0)
        # The machine was rebooted: only the wall clock knows.
        return max((now - time).total_seconds(), 0.0) if time else 0.0

    def raised(self) -> Mapping[str, bool]:
        """Map each alert to whether it is raised, for any face, and not snoozed."""
        requests = self._requests
        return {
            rule.name: requests.is_tested(rule.name)
            or (rule.raised and not requests.is_snoozed(rule.name))
            for rule in self._rules
        }

    def negative(self) -> Mapping[str, int]:
        """Map each alert on negative readings to how many count now; of faces, the highest."""
        found = ((rule.name, rule.negative) for rule in self._rules)
        return {name: negative for name, negative in found if negative is not None}

    def shares(self) -> Mapping[str, float]:
        """Map the same alerts to the part that these are of the clear readings, 0 to 1."""
        found = ((rule.name, rule.share) for rule in self._rules)
        return {name: share for name, share in found if share is not None}

    def state(self) -> AlertState:
        """Return what must survive a restart; plain data."""
        rules = tuple(rule.state() for rule in self._rules)
        requests = self._requests
        return self._clocks._replace(rules=rules, snoozed=requests.snoozed, tests=requests.tests)
