"""The table of topics, against what a real broker sees."""

from __future__ import annotations

import json
import re
from pathlib import Path

from edge.messaging.discovery import Features
from edge.messaging.topics import TOPICS, Direction, Topic
from tests.conftest import Mosquitto
from tests.support.mqtt import BASE, TEST, alerts, at, kept, listening
from tests.support.pipeline import running


def row(topic: str) -> Topic:
    """The only row of the table that a topic belongs to."""
    some = "[a-z0-9_-]+"
    (found,) = [t for t in TOPICS if re.fullmatch(t.of(BASE, some, some), topic)]
    return found


def test_every_message_is_in_the_table_and_looks_like_its_example(
    broker: Mosquitto, tmp_path: Path
) -> None:
    published = {each for each in TOPICS if each.direction is Direction.PUBLISHED}
    features = Features(("sad",), ("negative",))
    with running(tmp_path, at(broker), features=features) as pipeline:
        with listening(broker, topic="#") as subscriber:
            pipeline.publisher.set_limits({"negative": 1})
            pipeline.frame("sad")
            pipeline.wait_for(lambda: alerts(subscriber), "raised")
            seen = [(row(t), text) for _, t, text in subscriber.messages() if t != TEST]
        assert {each for each, _ in seen} == published
        retained = {row(topic) for topic in kept(broker, topic="#")}
        pipeline.frame("sad")
    assert retained == {each for each in published if each.retained}
    assert all(each.qos == 1 for each in published)
    for each, text in seen:
        if each.example.startswith("{"):
            assert list(json.loads(text)) == list(json.loads(each.example)), each.pattern
        else:
            assert text.isupper() == each.example.isupper()
