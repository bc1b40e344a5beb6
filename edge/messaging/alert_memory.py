"""What the alerts' rules must remember over a restart: windows, cooldowns, what is raised.

Within one boot the machine's monotonic clock says how long the service was away, and a jump of the
wall clock changes nothing. After a reboot that clock has started over, so its reading is dropped
and the wall clock has to say it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from edge.alert_state import AlertState, RuleState, WindowState
from edge.clock import boot_id
from edge.messaging.database import Statement, Table
from edge.records import NO_EMOTION

_KEY = "alerts"


class AlertMemory:
    """One row: the latest state, and the boot in which it was taken."""

    def __init__(self) -> None:
        self.table: Table[str] = Table(
            "alert_state",
            ("id TEXT PRIMARY KEY", "state TEXT"),
            encode=lambda text: (text,),
            decode=_checked,
        )
        self._kept: object = None

    @property
    def state(self) -> AlertState | None:
        """The state that was kept last, None where there is none."""
        text = self.table.rows.get(_KEY)
        return _decode(text) if text else None

    def keep(self, state: AlertState) -> list[Statement]:
        """Replace the state; do nothing where nothing of weight has changed, to spare the disk."""
        weighty = [_weighty(rule) for rule in state.rules], state.snoozed, state.tests
        if weighty == self._kept:
            return []
        self._kept = weighty
        return [self.table.put(_KEY, _encode(state))]


def _weighty(rule: RuleState) -> RuleState:
    """Return `rule` without what only matters beside readings, where there are none."""
    windows = (w if w.times_s else w._replace(others=()) for w in rule.windows)
    return rule._replace(windows=tuple(w for w in windows if w != WindowState(w.face)))


def _encode(state: AlertState) -> str:
    time = state.time.isoformat() if state.time else None
    clocks = state.source_s, state.rules, state.monotonic_s
    return json.dumps([boot_id(), time, *clocks, state.snoozed, state.tests])


def _decode(text: str) -> AlertState:
    kept: list[Any] = json.loads(text)
    missing: list[Any] = [None, (), ()][len(kept) - 4 :]  # what earlier versions did not write
    boot, time, source_s, rules, monotonic_s, snoozed, tests = kept + missing
    return AlertState(
        tuple(_rule(*rule) for rule in rules),
        source_s,
        None if time is None else datetime.fromisoformat(time),
        monotonic_s if boot == boot_id() else None,
        tuple((str(name), float(until_s)) for name, until_s in snoozed),
        tuple((str(name), str(episode)) for name, episode in tests),
    )


def _rule(name: str, emotions: list[str], window_s: float, windows: list[Any]) -> RuleState:
    return RuleState(
        name,
        tuple(emotions),
        window_s,
        tuple(_window(*window) for window in windows),
    )


def _window(
    face: int | None,
    times_s: list[float],
    episode: str | None,
    quiet_until_s: float = 0.0,
    emotion: str = NO_EMOTION,
    others: Iterable[tuple[float, int]] = (),
) -> WindowState:
    """Return a window; earlier versions wrote fewer values."""
    pairs = tuple((since_s, number) for since_s, number in others)
    return WindowState(face, tuple(times_s), episode, quiet_until_s, emotion, pairs)


def _checked(_key: str, text: str) -> str:
    _decode(text)
    return text
