"""The table of topics, against what a real broker sees."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from edge import __version__
from edge.messaging import topics
from edge.messaging.discovery import Features
from edge.messaging.topics import Direction, Topic
from edge.records import Alert
from tests.conftest import Mosquitto
from tests.support.mqtt import BASE, TEST, alerts, at, kept, listening
from tests.support.pipeline import alert, running

RAISED = alert()


def table(*raised: Alert, base: str = BASE) -> dict[str, Topic]:
    """The table of a device whose alerts all count readings, by topic."""
    counting = [each.name for each in raised]
    return dict(topics.table(base, raised, counting, "1f3a9c20", discovery=True))


def test_every_message_is_in_the_table_and_looks_like_its_example(
    broker: Mosquitto, tmp_path: Path
) -> None:
    features = Features(("sad",), ("negative",))
    with running(tmp_path, at(broker), features=features) as pipeline:
        rows = dict(
            topics.table(
                BASE, [RAISED], ["negative"], pipeline.outbox.device_id or "", discovery=True
            )
        )
        with listening(broker, topic="#") as subscriber:
            pipeline.publisher.set_limits({"negative": 1})
            pipeline.frame("sad")
            pipeline.wait_for(lambda: alerts(subscriber), "raised")
            seen = {t: text for _, t, text in subscriber.messages() if t != TEST}
        retained = set(kept(broker, topic="#"))
        pipeline.frame("sad")
    published = {t: each for t, each in rows.items() if each.direction is Direction.PUBLISHED}
    assert seen.keys() == published.keys()
    assert retained == {t for t, each in published.items() if each.retained}
    assert all(each.qos == 1 for each in published.values())
    for topic, text in seen.items():
        example = published[topic].example
        if example.startswith("{"):
            assert list(json.loads(text)) == list(json.loads(example)), topic
        else:
            assert text.isupper() == example.isupper()


def test_examples_are_of_this_device_and_its_alerts() -> None:
    calm = dataclasses.replace(RAISED, name="calm", count=8, window_s=60.0, emotions=("happy",))
    rows = table(calm, base="home/desk")
    message = json.loads(rows["home/desk/alert"].example)
    told = {key: message[key] for key in ("name", "count", "window_s", "emotions")}
    assert told == {"name": "calm", "count": 8, "window_s": 60.0, "emotions": ["happy"]}
    assert list(json.loads(rows["home/desk/state"].example)["negative"]) == ["calm"]
    assert rows["home/desk/alert/calm/limit"].example == "8"
    assert rows["home/desk/alert/calm/limit/set"].example == "8"
    announced = json.loads(rows["homeassistant/device/fer_edge_1f3a9c20/config"].example)
    assert announced["dev"] == {
        "ids": ["fer_edge_1f3a9c20"], "name": "FER desk", "mf": "FER Edge", "sw": __version__
    }  # fmt: skip
    assert announced["avty"] == [{"t": "home/desk/availability"}]
    assert announced["cmps"]["faces"]["stat_t"] == "home/desk/state"


def test_what_cannot_happen_is_not_listed() -> None:
    assert f"{BASE}/alert" in table(RAISED)
    assert [topic for topic in table() if "/alert" in topic] == []


def test_nothing_is_left_to_fill_in() -> None:
    assert [each.example for each in table(RAISED).values() if "$" in each.example] == []
