"""What Home Assistant is told about this device, so that it appears there by itself.

One retained message describes the device and all its entities, called components ("device
discovery", https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload). Keys are
Home Assistant's abbreviations, which halve the message. Pure: knows no network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from edge import __version__
from edge.messaging import controls, entities, topics
from edge.messaging.entities import Component

#: The platform of triggers of automations, which are no entities.
_TRIGGER = "device_automation"


class Features(NamedTuple):
    """What this device can tell: the expressions its model knows, its alerts, its sensors.

    `counting` are the alerts that count negative readings, `others` those that do not. `most` are
    those whose count can be set, with the highest.
    """

    labels: tuple[str, ...]
    counting: tuple[str, ...]
    others: tuple[str, ...] = ()
    temperature: bool = False
    throttled: bool = False
    most: Mapping[str, int] = MappingProxyType({})


class Device(NamedTuple):
    """Which device: its random id, its name, and `<prefix>/<name>`, where its topics begin."""

    id: str
    name: str
    base: str


def components(device: Device, features: Features) -> dict[str, Component]:
    """Return what Home Assistant is to show, by keys that survive a renaming."""
    base, (temperature, throttled) = device.base, (features.temperature, features.throttled)
    found = dict(entities.of_state(base, features.labels, features.counting))
    found |= entities.of_stats(base, temperature=temperature, throttled=throttled)
    alerts = features.counting + features.others
    for name in alerts:
        found |= entities.of_alert(base, name)
    found |= controls.of_device(base)
    found |= controls.of_alerts(base, alerts, features.most)
    for key, component in found.items():
        platform = component["p"]
        if platform != _TRIGGER:  # which has neither
            component["uniq_id"] = f"fer_edge_{device.id}_{key}"
            words = re.findall("[a-z0-9]+", f"{device.name} {component['name']}".lower())
            component["def_ent_id"] = f"{platform}.{'_'.join(words)}"
    return found


def payload(
    device: Device, found: Mapping[str, Component], announced: Mapping[str, str] | None = None
) -> str:
    """Return the message that announces the components `found`.

    `announced` are the platforms of those that were announced before, by key: one that is gone is
    named with its platform only, which makes Home Assistant remove it.
    """
    gone = {key: {"p": p} for key, p in (announced or {}).items() if key not in found}
    return json.dumps(
        {
            "dev": {
                "ids": [f"fer_edge_{device.id}"],
                "name": f"FER {device.name}",
                "mf": "FER Edge",
                "sw": __version__,
            },
            "o": {"name": "fer-edge", "sw": __version__},
            "avty": [{"t": topics.AVAILABILITY.of(device.base)}],
            "cmps": {**found, **gone},
        },
        separators=(",", ":"),
    )
