"""What the rules of alerts remember between two frames, and over a restart. Plain data."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from edge.records import NO_EMOTION


class Episode(NamedTuple):
    """An alert that was raised and not yet cleared; `face` is None unless the rule is per face."""

    name: str
    face: int | None
    id: str
    emotions: tuple[str, ...]
    window_s: float


class WindowState(NamedTuple):
    """What an alert's rule remembers of one face, or of all together (`face` None)."""

    face: int | None
    times_s: tuple[float, ...] = ()
    """When what counts was seen, source seconds, oldest first."""
    episode: str | None = None
    """Set while the alert is raised."""
    quiet_until_s: float = 0.0
    """End of the cooldown, source seconds."""
    emotion: str = NO_EMOTION
    """The expression of the latest reading that counted."""
    others: tuple[tuple[float, int], ...] = ()
    """The clear readings that do not count: from when on, source seconds, and how many."""


class RuleState(NamedTuple):
    """What an alert's rule remembers; the first three are those of its alerts."""

    name: str
    emotions: tuple[str, ...]
    window_s: float
    windows: tuple[WindowState, ...]


class AlertState(NamedTuple):
    """What all rules remember, taken at a frame's clocks; these are None before any frame."""

    rules: tuple[RuleState, ...] = ()
    source_s: float | None = None
    time: datetime | None = None
    monotonic_s: float | None = None
    """None also after a reboot: the clock that it was read from has ended."""
    snoozed: tuple[tuple[str, float], ...] = ()
    """Names of alerts that are silent, each with the end of that, source seconds."""
    tests: tuple[tuple[str, str], ...] = ()
    """Names of alerts that are raised as a test, each with its episode."""
