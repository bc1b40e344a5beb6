"""Actions: what other devices are sent when an alert is raised or cleared. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from edge.config.actions import ActionConfig, Payload
from edge.config.placeholders import fill
from edge.records import Alert


class Outgoing(NamedTuple):
    """A message of ours on a topic of somebody else."""

    topic: str
    text: str
    qos: int
    retain: bool


def messages(
    alert: Alert, actions: Iterable[ActionConfig], device: str
) -> Iterator[tuple[int, Outgoing]]:
    """Yield the messages that follow `alert`, in order, with places in `actions`."""
    words = values(alert, device)
    for at, action in enumerate(actions):
        if action.on == alert.event_type:
            text = render(action.payload, words)
            yield at, Outgoing(action.topic, text, action.qos, action.retain)


def values(alert: Alert, device: str) -> dict[str, str]:
    """Return what the placeholders stand for."""
    return {
        "emotion": alert.emotion,
        "count": str(alert.count),
        "name": alert.name,
        "time": alert.time.isoformat(timespec="milliseconds"),
        "device": device,
    }


def render(payload: Payload, words: Mapping[str, str]) -> str:
    """Return the text to publish: of a table, compact JSON."""
    if isinstance(payload, str):
        return fill(payload, words)
    return json.dumps(_filled(payload, words), ensure_ascii=False, separators=(",", ":"))


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, words) for item in value]
    if value == "{count}":  # nothing else beside it: the number itself
        return int(words["count"])
    return fill(value, words) if isinstance(value, str) else value
