"""An alert that is raised but no longer configured: it is cleared, and never raised again."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from edge.alert_state import RuleState
from edge.alerts.episodes import about_open
from edge.records import Alert, AlertEvent, Frame, Reading


class RetiredRule:
    """Clears at the first frame whatever `state` has left raised."""

    negative = share = None

    def __init__(self, state: RuleState, new_id: Callable[[], str]) -> None:
        self.name = state.name
        self._state, self._new_id = state, new_id

    def expire(self, _away_s: float, _away_from_s: float, time: datetime) -> list[Alert]:
        """Return the last alerts, once: they need no frame."""
        return self._last(time)

    def resume(self, _shift_s: float, _away_s: float) -> None:
        """Do nothing: it knows no times."""

    def update(self, frame: Frame, _readings: Collection[Reading]) -> list[Alert]:
        """Return the last alerts, once."""
        return self._last(frame.time)

    def _last(self, time: datetime) -> list[Alert]:
        state, self._state = self._state, self._state._replace(windows=())
        return about_open(state, AlertEvent.CLEARED, time, "no longer configured", self._new_id)

    @property
    def raised(self) -> bool:
        """Whether the last alerts are still to come."""
        return bool(self._state.windows)

    def state(self) -> RuleState:
        """Return what must survive a restart."""
        return self._state
