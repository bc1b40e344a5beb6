"""Alert messages that the broker has not acknowledged yet, oldest first."""

from __future__ import annotations

import json

from edge.messaging.bounded_queue import BoundedQueue
from edge.messaging.database import Table
from edge.records import Alert

#: About 4 MB of memory; with the default cooldown, five weeks of one alert without a pause.
LIMIT = 10_000


def payload(alert: Alert) -> str:
    """Return the JSON that subscribers get."""
    test = {"test": True} if alert.test else {}
    return json.dumps(
        {
            "id": alert.id,
            "episode": alert.episode,
            "event_type": alert.event_type,
            "name": alert.name,
            "face": alert.face,
            "count": alert.count,
            "window_s": alert.window_s,
            "emotions": alert.emotions,
            "time": alert.time.isoformat(timespec="milliseconds"),
            **test,
        }
    )


def alert_queue() -> BoundedQueue[str]:
    """Return the queue of payloads, by alert id."""
    table: Table[str] = Table(
        "waiting",
        ("number INTEGER PRIMARY KEY", "id TEXT UNIQUE", "payload TEXT"),
        encode=lambda text: (text,),
        decode=_checked,
    )
    return BoundedQueue(table, LIMIT, "alerts", "wait for the broker", _described)


def _described(text: str) -> str:
    alert = json.loads(text)
    return f"'{alert['name']}' {alert['event_type']} of {alert['time']}"


def _checked(_key: str, text: str) -> str:
    json.loads(text)
    return text
