"""The recipes of docs/recipes.md: valid as they stand, and published byte for byte as stated."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from edge.config.loader import parse
from edge.messaging.actions import messages
from edge.messaging.topics import ALERT
from edge.records import AlertEvent
from tests.conftest import ROOT, Mosquitto
from tests.support.mqtt import at, listening
from tests.support.pipeline import RULE, alert, running

PAGE = (ROOT / "docs" / "recipes.md").read_text()
ALERTS = "[[alerts]]\n"


class Recipe(NamedTuple):
    """The blocks of a section, by language."""

    title: str
    toml: tuple[str, ...]
    text: tuple[str, ...]
    json: tuple[str, ...]


def _recipes() -> list[Recipe]:
    found = []
    for section in PAGE.split("\n## ")[1:]:
        blocks = re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        by_kind = {kind: tuple(b for k, b in blocks if k == kind) for kind in Recipe._fields[1:]}
        found.append(Recipe(section.splitlines()[0], **by_kind))
    return found


RECIPES = _recipes()
ACTING = [each for each in RECIPES if each.toml and "[[alerts.actions]]" in each.toml[0]]


def test_the_page_has_what_it_is_for() -> None:
    titles = " ".join(each.title for each in RECIPES)
    for word in ("Zigbee2MQTT lamp", "group", "Tasmota", "Shelly", "Node-RED", "ntfy", "Apprise"):
        assert word in titles
    assert len(ACTING) >= 6


@pytest.mark.parametrize("recipe", ACTING, ids=[each.title for each in ACTING])
def test_an_action_publishes_what_the_page_says(
    recipe: Recipe, broker: Mosquitto, tmp_path: Path
) -> None:
    (stated,) = recipe.text
    lines = [(*line.split(maxsplit=2), "")[:3] for line in stated.splitlines()]
    (rule,) = parse(ALERTS + recipe.toml[0], recipe.title).alerts
    assert not rule.notify
    rule = dataclasses.replace(RULE, actions=rule.actions)
    published: list[tuple[str, str]] = []
    with (
        running(tmp_path, at(broker), rule) as pipeline,
        listening(broker, topic="#") as subscriber,
    ):
        for event in AlertEvent:
            pipeline.frame(*(["sad"] if event is AlertEvent.RAISED else []))
            published += [(topic, text) for on, topic, text in lines if on == event]

            def arrived() -> bool:
                theirs = [m for m in subscriber.messages() if not m[1].startswith("fer-edge/")]
                return len(theirs) >= len(published)  # noqa: B023

            pipeline.wait_for(arrived, f"what follows {event}")
        pipeline.wait_for(lambda: not pipeline.outbox.actions, "the acknowledgements")
    theirs = [(t, text) for _, t, text in subscriber.messages() if not t.startswith("fer-edge/")]
    assert theirs == published


def test_the_recipe_of_the_alerts_that_count_nothing_is_valid_and_does_what_the_page_says() -> None:
    (recipe,) = [each for each in RECIPES if each.toml and "[[blind." in each.toml[0]]
    config = parse('device = "pi"\n' + recipe.toml[0], recipe.title)
    _, blind, trend = config.reactions
    assert [each.title for each in blind.notify] == ["{device} has seen nobody for 12 hours"]
    assert len(trend.notify) == 1
    (stated,) = recipe.text
    published = [
        f"{event} {' ' * (event is AlertEvent.RAISED)}{message.topic} {message.text}".rstrip()
        for event in AlertEvent
        for _, message in messages(alert(1, event, "trend"), trend.actions, config.device_name)
    ]
    assert published == stated.splitlines()


def test_notifications_are_valid_as_they_stand() -> None:
    found = [text for each in RECIPES for text in each.toml if "[[alerts.notify]]" in text]
    assert len(found) == 3
    for text in found:
        (rule,) = parse(ALERTS + text, "c").alerts
        assert rule.notify
        assert not rule.actions


def test_node_red_listens_on_the_alert_topic_and_knows_both_events() -> None:
    ((flow,),) = [each.json for each in RECIPES if each.title == "Node-RED"]
    reader, choice, *rest = json.loads(flow)
    assert reader["type"] == "mqtt in"
    assert reader["topic"] == ALERT.of("fer-edge/living-room")
    assert reader["datatype"] == "json"
    assert choice["property"] == "payload.event_type"
    assert [rule["v"] for rule in choice["rules"]] == [event.value for event in AlertEvent]
    ids = {node["id"] for node in (reader, choice, *rest)}
    assert {to for node in (reader, choice) for wires in node["wires"] for to in wires} <= ids


def test_apprise_knows_the_urls_as_they_stand() -> None:
    apprise = pytest.importorskip("apprise")
    (recipe,) = [each for each in RECIPES if "Apprise" in each.title]
    urls = [line for line in recipe.text[0].splitlines() if not line.startswith("#")]
    assert len(urls) == 2
    assert all(apprise.Apprise.instantiate(url) is not None for url in urls)
