"""What every rule of alerts offers, whatever it counts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from edge.alert_state import RuleState
from edge.records import Alert, Frame, Reading


class Rule(Protocol):
    """One alert. A new kind needs a class like this, and a line in `edge.alerts.rules.Rules`."""

    @property
    def name(self) -> str:
        """Unique name of the alert."""

    @property
    def raised(self) -> bool:
        """Whether the alert is raised, for any face."""

    @property
    def negative(self) -> int | None:
        """The number of negative readings that count now; None where none are counted."""

    @property
    def share(self) -> float | None:
        """The part that they are of the clear readings, 0 to 1; None where none are counted."""

    def update(self, frame: Frame, readings: Collection[Reading]) -> list[Alert]:
        """Return the alerts raised and cleared by this frame's `readings`."""

    def state(self) -> RuleState:
        """Return what must survive a restart."""

    def expire(self, away_s: float, away_from_s: float, time: datetime) -> list[Alert]:
        """Return the alerts that are over because nobody has watched for `away_s` seconds.

        `away_from_s` is when that began, source seconds; `time` is now.
        """

    def resume(self, shift_s: float, away_s: float) -> None:
        """Continue from a state: add `shift_s` to its times to get those of the current source.

        `away_s`, 0 or more, is how long ago the state was taken. The rest of `shift_s` is the
        difference between two clocks, such as those of a video file and a camera.
        """
