"""What Home Assistant shows of this device, kind by kind. Pure.

Keys are Home Assistant's abbreviations. A component's key here is what it is known by for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from edge.messaging import topics
from edge.records import AlertEvent

Component: TypeAlias = dict[str, object]
#: Seconds until a value without a successor is unavailable: four of `state`, three of `stats`.
_STATE_S, _STATS_S = 20, 90
#: The platforms, as Home Assistant calls kinds of entities.
_SENSOR, _BINARY, _EVENT, _TRIGGER = "sensor", "binary_sensor", "event", "device_automation"
_DIAGNOSTIC: Component = {"ent_cat": "diagnostic"}
#: A value every few seconds is not worth its place in Home Assistant's database unless asked for.
_DISABLED: Component = {"en": False}
_NUMBER: Component = {"stat_cla": "measurement"}


def of_state(
    base: str, labels: Sequence[str], counting: Sequence[str]
) -> Iterator[tuple[str, Component]]:
    """Yield what the `state` topic tells."""
    entity = partial(_of_state, base)
    options: Component = {"dev_cla": "enum", "ops": [*labels, "none"]}
    faces = "'ON' if value_json.faces > 0 else 'OFF'"
    percent: Component = {"unit_of_meas": "%", "sug_dsp_prc": 0}
    confidence = "(value_json.confidence * 100) | round(0) | int"
    rate: Component = {"unit_of_meas": "fps", "sug_dsp_prc": 1}
    yield (
        "expression",
        entity(
            _SENSOR, "Expression", "value_json.emotion", options, {"ic": "mdi:emoticon-outline"}
        ),
    )
    yield (
        "faces",
        entity(_SENSOR, "Faces", "value_json.faces", _NUMBER, {"ic": "mdi:account-multiple"}),
    )
    yield "somebody", entity(_BINARY, "Somebody there", faces, {"dev_cla": "occupancy"})
    camera = "'ON' if value_json.camera else 'OFF'"
    yield "camera", entity(_BINARY, "Camera", camera, {"dev_cla": "connectivity"}, _DIAGNOSTIC)
    more = _NUMBER | _DIAGNOSTIC | _DISABLED
    yield "confidence", entity(_SENSOR, "Confidence", confidence, percent, more)
    yield "fps", entity(_SENSOR, "Frames per second", "value_json.fps", rate, more)
    for name in counting:
        count, icon = f"value_json.negative.get('{name}', '')", {"ic": "mdi:counter"}
        negative = entity(_SENSOR, f"Negative readings ({name})", count, _NUMBER, icon)
        yield f"count_{name}", negative
        share = f"(value_json.share.get('{name}', 0) * 100) | round(0) | int"
        part = entity(_SENSOR, f"Negative share ({name})", share, percent, more)
        yield f"share_{name}", part


def _of_state(
    base: str, platform: str, name: str, value: str, *more: Mapping[str, object]
) -> Component:
    """Return an entity that is unavailable while nobody is watched."""
    topic, expiry = topics.STATE.of(base), {"exp_aft": _STATE_S}
    availability = {  # replaces the device's
        "avty": [
            {"t": topics.AVAILABILITY.of(base)},
            {"t": topics.WATCHING.of(base), "pl_avail": "ON", "pl_not_avail": "OFF"},
        ],
        "avty_mode": "all",
    }
    return _entity(platform, name, topic, value, expiry, *more, availability)


def of_stats(base: str, *, temperature: bool, throttled: bool) -> Iterator[tuple[str, Component]]:
    """Yield what the `stats` topic tells, without what is null: it would be `unknown`."""
    topic = topics.STATS.of(base)

    def entity(platform: str, name: str, value: str, *more: Mapping[str, object]) -> Component:
        return _entity(platform, name, topic, value, {"exp_aft": _STATS_S}, _DIAGNOSTIC, *more)

    if temperature:
        celsius: Component = {"dev_cla": "temperature", "unit_of_meas": "°C", "sug_dsp_prc": 0}
        value = "value_json.temperature_c"
        yield "temperature", entity(_SENSOR, "Processor temperature", value, celsius, _NUMBER)
    if throttled:
        value = "'ON' if value_json.throttled else 'OFF'"
        yield "throttled", entity(_BINARY, "Throttled", value, {"dev_cla": "problem"})
    yield "waiting", entity(_SENSOR, "Alerts waiting", "value_json.waiting", _NUMBER)
    dropped = "value_json.dropped"
    yield "dropped", entity(_SENSOR, "Frames dropped", dropped, _NUMBER, _DISABLED)


def of_alert(base: str, name: str) -> dict[str, Component]:
    """Return one alert: what it is now, and what happens to it."""
    topic = topics.ALERT.of(base)
    # All alerts share one topic; what a template makes empty is dropped without a word in the log.
    ours = f"if value_json.name == '{name}' else ''"
    now: Component = {
        "p": _BINARY,
        "name": f"Alert {name}",
        "stat_t": topics.ALERT_STATE.of(base, name),
        "dev_cla": "problem",
    }
    events: Component = {"evt_typ": [event.value for event in AlertEvent], "qos": 1}
    happened = _entity(_EVENT, f"Alert {name} event", topic, f"value {ours}", events)
    triggers: dict[str, Component] = {
        f"{event.value}_{name}": {
            "p": _TRIGGER,
            "atype": "trigger",
            "type": f"alert_{event.value}",
            "stype": name,
            "t": topic,
            "val_tpl": f"{{{{ value_json.event_type {ours} }}}}",
            "pl": event.value,
            "qos": 1,
        }
        for event in AlertEvent
    }
    return {f"alert_{name}": now, f"event_{name}": happened, **triggers}


def _entity(
    platform: str, name: str, topic: str, value: str, *more: Mapping[str, object]
) -> Component:
    """Return an entity whose value is the Jinja expression `value` of a message on `topic`."""
    entity: Component = {"p": platform, "name": name, "stat_t": topic}
    entity["val_tpl"] = f"{{{{ {value} }}}}"
    for each in more:
        entity |= each
    return entity
