"""An alert when no face is seen: the lens may be covered, the room dark, the camera turned away."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from edge.alert_state import RuleState, WindowState
from edge.alerts.episodes import about_open
from edge.records import Alert, AlertEvent, Frame, Reading


class AbsenceRule:
    """Raised after `after_s` without any reading, counted from the start; cleared by the next one.

    Time during which the service was not watching is not counted.
    """

    negative = share = None

    def __init__(
        self, name: str, after_s: float, new_id: Callable[[], str], state: RuleState | None = None
    ) -> None:
        self.name = name
        self._after_s, self._new_id = after_s, new_id
        self._seen_s: float | None = None
        self._episode: str | None = None
        for window in state.windows if state else ():
            self._episode = window.episode
            self._seen_s = next(iter(window.times_s), None)

    def expire(self, _away_s: float, _away_from_s: float, _time: datetime) -> list[Alert]:
        """Return nothing: only a face clears it."""
        return []

    def resume(self, shift_s: float, _away_s: float) -> None:
        """Take over the clock of a new source, see `edge.alerts.rule.Rule`."""
        if self._seen_s is not None:
            self._seen_s += shift_s

    def update(self, frame: Frame, readings: Collection[Reading]) -> list[Alert]:
        """Return the alert raised or cleared by this frame's `readings`."""
        if readings or self._seen_s is None:
            self._seen_s = frame.source_s
        if self._episode is not None and readings:
            over = self._told(AlertEvent.CLEARED, "face seen again", frame)
            self._episode = None
            return over
        if self._episode is None and frame.source_s - self._seen_s >= self._after_s:
            self._episode = self._new_id()
            return self._told(AlertEvent.RAISED, f"no face for {self._after_s:g} s", frame)
        return []

    def _told(self, event: AlertEvent, reason: str, frame: Frame) -> list[Alert]:
        return about_open(self.state(), event, frame.time, reason, self._new_id)

    @property
    def raised(self) -> bool:
        """Whether the alert is raised."""
        return self._episode is not None

    def state(self) -> RuleState:
        """Return what must survive a restart."""
        times_s = () if self._seen_s is None else (self._seen_s,)
        return RuleState(self.name, (), self._after_s, (WindowState(None, times_s, self._episode),))
