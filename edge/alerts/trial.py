"""An alert that is only a test, made up where somebody asks for one: nothing was counted."""

from __future__ import annotations

import uuid
from datetime import datetime

from edge.alert_state import RuleState
from edge.records import NO_EMOTION, Alert, AlertEvent


def trial_alert(rule: RuleState, count: int, event: AlertEvent, episode: str) -> Alert:
    """Return an alert as `rule` would raise or clear it with `count` readings."""
    return Alert(
        id=uuid.uuid4().hex,
        episode=episode,
        event_type=event,
        name=rule.name,
        face=None,
        count=count,
        window_s=rule.window_s,
        emotions=rule.emotions,
        time=datetime.now().astimezone(),
        reason="this is only a test",
        emotion=next(iter(rule.emotions), NO_EMOTION),
        test=True,
    )
