"""Alerts about the episodes that a rule has open, made of nothing but what it remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from edge.alert_state import AlertState, Episode, RuleState, WindowState
from edge.records import Alert, AlertEvent


def about_open(
    rule: RuleState, event: AlertEvent, time: datetime, reason: str, new_id: Callable[[], str]
) -> list[Alert]:
    """Return an alert about each open episode of `rule`: that it is raised, or is over."""
    # What `blind` remembers with no emotions is when a face was seen: nothing that is counted.
    counted = event is AlertEvent.RAISED and bool(rule.emotions)
    return [
        Alert(
            id=new_id(),
            episode=window.episode,
            event_type=event,
            name=rule.name,
            face=window.face,
            count=len(window.times_s) if counted else 0,
            window_s=rule.window_s,
            emotions=rule.emotions,
            time=time,
            reason=reason,
            emotion=window.emotion,
        )
        for window in rule.windows
        if window.episode is not None
    ]


def is_raised(rule: RuleState) -> bool:
    """Return whether an episode is open."""
    return any(window.episode is not None for window in rule.windows)


def with_episodes(episodes: Iterable[Episode]) -> AlertState:
    """Return the state in which only `episodes` are known: raised, and nothing counted."""
    rules: dict[str, RuleState] = {}
    for name, face, episode, emotions, window_s in episodes:
        known = rules.get(name) or RuleState(name, emotions, window_s, ())
        window = WindowState(face, episode=episode)
        rules[name] = known._replace(windows=(*known.windows, window))
    return AlertState(tuple(rules.values()))
