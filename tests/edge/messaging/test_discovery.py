"""The announcement against Home Assistant's rules, without any broker.

The rules are those of Home Assistant 2025.4.4, `homeassistant/components/mqtt`: `schemas.py`
(`DEVICE_DISCOVERY_SCHEMA`, `MQTT_ENTITY_COMMON_SCHEMA`), the `DISCOVERY_SCHEMA` of `sensor.py`,
`binary_sensor.py` and `event.py`, `TRIGGER_DISCOVERY_SCHEMA` of `device_trigger.py`, and
`abbreviations.py`; `default_entity_id` is read from 2025.10 on. It drops unknown keys of a
component without a word, so that a misspelt one would never be noticed there.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from edge.messaging.discovery import Device, Features, components, payload
from edge.messaging.entities import Component
from edge.messaging.topics import Direction, table
from tests.support.pipeline import alert

PI = Device("1f3a9c20", "pi", "fer-edge/pi")
EVERYTHING = Features(
    ("angry", "happy", "sad"),
    ("negative", "long-face"),
    ("blind",),
    temperature=True,
    throttled=True,
    most={"negative": 120, "long-face": 300},
)
COMMON = {
    "p", "name", "uniq_id", "def_ent_id", "stat_t", "val_tpl", "qos", "ent_cat", "en", "ic",
    "avty", "avty_mode",
}  # fmt: skip
#: For each platform the keys that it must have, and those that it may have.
KEYS = {
    "sensor": (
        {"stat_t", "uniq_id"},
        COMMON | {"dev_cla", "exp_aft", "ops", "sug_dsp_prc", "stat_cla", "unit_of_meas"},
    ),
    "binary_sensor": ({"stat_t", "uniq_id"}, COMMON | {"dev_cla", "exp_aft"}),
    "event": ({"stat_t", "uniq_id", "evt_typ"}, COMMON | {"evt_typ"}),
    "switch": ({"cmd_t", "uniq_id"}, (COMMON | {"cmd_t", "dev_cla"})),
    "button": ({"cmd_t", "uniq_id"}, COMMON - {"stat_t", "val_tpl"} | {"cmd_t", "dev_cla"}),
    "number": ({"cmd_t", "uniq_id"}, COMMON | {"cmd_t", "min", "max", "step", "mode"}),
    "device_automation": (
        {"atype", "type", "stype", "t"},
        {"p", "atype", "type", "stype", "t", "pl", "val_tpl", "qos"},
    ),
}
CLASSES = {
    "sensor": {"enum", "temperature"},
    "binary_sensor": {"connectivity", "occupancy", "problem"},
    "switch": {"switch"},
    "button": {"restart"},
}
#: The platforms that may be `config`; those that only tell may not.
CONTROLS = {"switch", "button", "number"}


def objections(message: dict[str, Any]) -> list[str]:
    """What Home Assistant would refuse, warn of, or silently do without."""
    found = [f"top level: {key}" for key in set(message) ^ {"dev", "o", "avty", "cmps"}]
    found += [f"dev: {key}" for key in set(message["dev"]) - {"ids", "name", "mf", "mdl", "sw"}]
    found += [] if message["dev"]["ids"] and message["o"]["name"] else ["no ids or origin"]
    for key, component in message["cmps"].items():
        if not re.fullmatch("[a-z0-9_-]+", key):  # another could not be removed
            found.append(f"{key}: not a key")
        if set(component) != {"p"}:
            found += [f"{key}: {what}" for what in of_component(component)]
    ids = [c["uniq_id"] for c in message["cmps"].values() if "uniq_id" in c]
    return found + [f"duplicate {i}" for i in ids if ids.count(i) > 1]


def of_component(component: Component) -> list[str]:
    platform = str(component["p"])
    if platform not in KEYS:
        return [f"unknown platform {platform}"]
    required, known = KEYS[platform]
    found = [f"lacks {key}" for key in required - set(component)]
    found += [f"{key} is not a key of {platform}" for key in set(component) - known]
    if component.get("dev_cla", "") not in CLASSES.get(platform, set()) | {""}:
        found.append("unknown class")
    category = "config" if platform in CONTROLS else "diagnostic"
    if component.get("ent_cat", category) != category:
        found.append(f"a {platform} is {category} or in no category")
    if platform == "number" and not component["min"] < component["max"]:  # type: ignore[operator]
        found.append("a number without a range")
    found += of_availability(component)
    enum = component.get("dev_cla") == "enum"
    if enum is not bool(component.get("ops")) or (enum and "stat_cla" in component):
        found.append("options without enum, enum without options, or enum as a measurement")
    domain, _, entity = str(component.get("def_ent_id", f"{platform}.x")).partition(".")
    if domain != platform or not re.fullmatch("[a-z0-9]+(_[a-z0-9]+)*", entity):
        found.append("default_entity_id without its domain, or not a name")
    topics = [str(component[key]) for key in ("stat_t", "cmd_t", "t") if key in component]
    if any(set("+#~") & set(topic) for topic in topics):
        found.append("a topic with wildcards or abbreviated")
    return found


def of_availability(component: Component) -> list[str]:
    """What is wrong with a component's own availability, which replaces the device's."""
    own: Any = component.get("avty", [])
    found = [
        f"avty: {key}" for each in own for key in set(each) - {"t", "pl_avail", "pl_not_avail"}
    ]
    found += ["avty without a topic" for each in own if not each.get("t")]
    if component.get("avty_mode", "latest") not in {"all", "any", "latest"}:
        found.append("unknown avty_mode")
    return found


def announced(
    features: Features = EVERYTHING, device: Device = PI, before: Mapping[str, str] | None = None
) -> Any:
    return json.loads(payload(device, components(device, features), before))


def test_home_assistant_has_no_objection() -> None:
    assert objections(announced(before={"gone": "sensor"})) == []


@pytest.mark.parametrize(
    ("where", "value"),
    [("p", "sensr"), ("uniq_id", None), ("ops", ["a"]), ("expire_aft", 2), ("def_ent_id", "faces"),
     ("ent_cat", "config"), ("dev_cla", "enum"), ("stat_t", "~/state"), ("avty_mode", "every"),
     ("avty", [{"topic": "x"}])],
)  # fmt: skip
def test_the_rules_refuse_what_home_assistant_refuses(where: str, value: object) -> None:
    message = announced()
    faces = message["cmps"]["faces"]
    faces |= {where: value}
    if value is None:
        del faces[where]
    assert objections(message)
    assert objections(announced() | {"~": "fer-edge"})


def test_what_appears() -> None:
    shown = announced()["cmps"]
    assert {key for key in shown if not re.search("negative|long-face|blind", key)} == {
        "expression", "faces", "somebody", "confidence", "fps",
        "temperature", "throttled", "waiting", "dropped", "camera", "watching", "restart_camera",
    }  # fmt: skip
    for name in ("negative", "blind"):
        kinds = {key: shown[key]["p"] for key in shown if key.endswith(f"_{name}")}
        count = {"count_negative": "sensor", "share_negative": "sensor", "limit_negative": "number"}
        assert kinds == (count if name == "negative" else {}) | {
            f"test_{name}": "button",
            f"snooze_{name}": "button",
            f"alert_{name}": "binary_sensor",
            f"event_{name}": "event",
            f"raised_{name}": "device_automation",
            f"cleared_{name}": "device_automation",
        }
    assert shown["expression"]["ops"] == ["angry", "happy", "sad", "none"]
    assert {key for key in shown if shown[key].get("en") is False} == {
        "confidence", "fps", "dropped", "limit_negative", "limit_long-face", "share_negative",
        "share_long-face",
    }  # fmt: skip


def test_what_needs_the_camera_is_unavailable_while_it_is_closed() -> None:
    shown = announced()["cmps"]
    asked = {key for key, c in shown.items() if "avty" in c}
    assert asked == {key for key, c in shown.items() if c.get("stat_t") == "fer-edge/pi/state"}
    assert "camera" in asked
    for key in asked:
        assert shown[key]["avty"] == [
            {"t": "fer-edge/pi/availability"},
            {"t": "fer-edge/pi/watching", "pl_avail": "ON", "pl_not_avail": "OFF"},
        ]
        assert shown[key]["avty_mode"] == "all"


def test_every_command_is_a_topic_that_is_read_and_every_value_one_that_is_published() -> None:
    shown = announced()["cmps"].values()
    raised = [alert(name=name) for name in ("negative", "long-face", "blind")]
    counting = ("negative", "long-face")
    listed = list(table("fer-edge/pi", raised, counting, "x", discovery=True))
    read = {topic for topic, row in listed if row.direction is Direction.READ}
    commands = {component["cmd_t"] for component in shown if "cmd_t" in component}
    assert commands == read - {"homeassistant/status"}
    states = {component[key] for component in shown for key in ("stat_t", "t") if key in component}
    assert states <= {topic for topic, row in listed if row.direction is Direction.PUBLISHED}


def test_the_highest_threshold_is_what_can_be_set() -> None:
    shown = announced()["cmps"]
    assert (shown["limit_negative"]["min"], shown["limit_negative"]["max"]) == (1, 120)
    lowest = announced(EVERYTHING._replace(most={"negative": 1}))
    assert objections(lowest) == []


def test_values_expire_and_alerts_do_not() -> None:
    expiries = {(c.get("stat_t", ""), c.get("exp_aft")) for c in announced()["cmps"].values()}
    assert expiries == {
        ("fer-edge/pi/state", 20),
        ("fer-edge/pi/stats", 90),
        ("fer-edge/pi/alert/negative", None),
        ("fer-edge/pi/alert/long-face", None),
        ("fer-edge/pi/alert/blind", None),
        ("fer-edge/pi/alert", None),
        ("fer-edge/pi/watching", None),
        ("fer-edge/pi/alert/negative/limit", None),
        ("fer-edge/pi/alert/long-face/limit", None),
        ("", None),
    }


def test_what_the_board_cannot_measure_is_not_announced() -> None:
    shown = announced(EVERYTHING._replace(temperature=False, throttled=False))["cmps"]
    assert set(announced()["cmps"]) - set(shown) == {"temperature", "throttled"}


def test_an_alert_that_is_gone_is_named_by_its_platform_only() -> None:
    before = {key: str(c["p"]) for key, c in components(PI, EVERYTHING).items()}
    fewer = EVERYTHING._replace(counting=("negative",), others=(), most={"negative": 120})
    shown = announced(fewer, before=before)["cmps"]
    bare = {key: c["p"] for key, c in shown.items() if set(c) == {"p"}}
    assert bare == {key: p for key, p in before.items() if key.endswith(("long-face", "blind"))}
    assert len(bare) == 9 + 6


def test_a_new_name_changes_topics_and_not_what_entities_are_known_by() -> None:
    hall = Device(PI.id, "hall", "home/hall")
    before, after = announced()["cmps"], announced(device=hall)["cmps"]
    assert before.keys() == after.keys()
    for key, component in before.items():
        assert component.get("uniq_id") == after[key].get("uniq_id")
    text = json.dumps(announced(device=hall))
    assert "fer-edge/pi" not in text
    assert "pi_" not in text


def test_names_of_alerts_never_meet() -> None:
    """`-` and `_` are letters of names, and keys are made of names."""
    names = (
        "a",
        "a_event",
        "event_a",
        "count_a",
        "share_a",
        "raised_a",
        "cleared",
        "alert_a",
        "test_a",
    )
    message = announced(Features(("sad",), names, most=dict.fromkeys(names, 9)))
    assert len(message["cmps"]) == 10 + 9 * len(names)
    assert objections(message) == []


def test_no_name_repeats_the_device_and_no_two_entities_look_alike() -> None:
    """Home Assistant puts the device's name before an entity's."""
    message = announced()
    names = [c["name"] for c in message["cmps"].values() if "name" in c]
    assert len(set(names)) == len(names)
    assert not [name for name in names if name.startswith(message["dev"]["name"])]
    ids = [c["def_ent_id"] for c in message["cmps"].values() if "def_ent_id" in c]
    assert not [pair for pair in itertools.combinations(ids, 2) if pair[0] == pair[1]]
