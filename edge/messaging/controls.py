"""What Home Assistant can ask of this device: a switch, buttons, numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from edge.messaging import topics
from edge.messaging.entities import Component

_CONFIG: Component = {"ent_cat": "config"}


def of_device(base: str) -> Iterator[tuple[str, Component]]:
    """Yield what is about the whole device, whose topics begin with `base`."""
    yield (
        "watching",
        {
            "p": "switch",
            "name": "Watching",
            "stat_t": topics.WATCHING.of(base),
            "cmd_t": topics.WATCHING_SET.of(base),
            "qos": 1,
            "dev_cla": "switch",
            "ic": "mdi:eye",
        },
    )
    restart = _button("Restart camera", topics.CAMERA_RESTART.of(base))
    yield "restart_camera", restart | _CONFIG | {"dev_cla": "restart"}


def of_alerts(
    base: str, names: Iterable[str], most: Mapping[str, int]
) -> Iterator[tuple[str, Component]]:
    """Yield what is about alerts; `most` has the highest count of those that count."""
    for name in names:
        snooze = _button(f"Snooze alert {name}", topics.ALERT_SNOOZE.of(base, name))
        yield f"snooze_{name}", snooze | {"ic": "mdi:alarm-snooze"}
        yield (
            f"test_{name}",
            _button(f"Test alert {name}", topics.ALERT_TEST.of(base, name)) | _CONFIG,
        )
    for name, highest in most.items():
        limit: Component = {
            "p": "number",
            "name": f"Alert {name} threshold",
            "stat_t": topics.ALERT_LIMIT.of(base, name),
            "cmd_t": topics.ALERT_LIMIT_SET.of(base, name),
            "qos": 1,
            "min": 1,
            "max": max(2, highest),  # Home Assistant wants a range
            "step": 1,
            "mode": "box",
            "en": False,
            "ic": "mdi:counter",
        }
        yield f"limit_{name}", limit | _CONFIG


def _button(name: str, topic: str) -> Component:
    return {"p": "button", "name": name, "cmd_t": topic, "qos": 1}
