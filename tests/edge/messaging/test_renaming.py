"""A change of the device's name or of the prefix leaves nothing behind at the broker."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from edge.messaging.outbox import Outbox
from tests.conftest import Mosquitto
from tests.support.mqtt import NewBroker, Said, at, guarded, kept, listening, publish, topics
from tests.support.pipeline import running

OURS = {"availability", "watching", "state", "stats", "alert/negative"}


@pytest.mark.parametrize(
    ("prefix", "device"), [("fer-edge", "hall"), ("fer-edge/home", "pi"), ("fer-edge/pi", "x")]
)
def test_the_old_topics_are_emptied_and_only_these(
    broker: Mosquitto, tmp_path: Path, prefix: str, device: str
) -> None:
    publish(broker, "fer-edge/other/state", "another device's", "-r")
    with running(tmp_path, at(broker)) as pipeline:
        pipeline.wait_for(lambda: len(kept(broker)) == 6, "the topics of the first name")
    mqtt = dataclasses.replace(at(broker), prefix=prefix)
    expected = {f"{prefix}/{device}/{suffix}" for suffix in OURS}
    left = expected | {"fer-edge/other/state"}
    with running(tmp_path, mqtt, device=device) as pipeline:
        pipeline.wait_for(lambda: set(kept(broker)) == left, "the old topics to be emptied")
    with Outbox(tmp_path) as outbox:
        assert set(outbox.topics) == expected


def test_topics_that_the_broker_was_not_there_to_empty_are_emptied_later(
    new_broker: NewBroker, tmp_path: Path
) -> None:
    broker = new_broker("allow_anonymous true\npersistence true\n").start()
    with running(tmp_path, at(broker)) as pipeline:
        pipeline.wait_for(lambda: len(kept(broker)) == 5, "the topics of the first name")
    broker.stop()
    with running(tmp_path, at(broker), device="hall") as pipeline:
        pipeline.frame()
    broker.start()
    left = {f"fer-edge/kitchen/{suffix}" for suffix in OURS}
    with running(tmp_path, at(broker), device="kitchen") as pipeline:
        pipeline.wait_for(lambda: set(kept(broker)) == left, "only the new topics to be left")


def test_a_broker_that_refuses_to_empty_them_is_asked_again(
    new_broker: NewBroker, tmp_path: Path, said: Said
) -> None:
    broker = guarded(new_broker, tmp_path)
    mqtt = at(broker, username="pi", password_file=tmp_path / "right")
    reader = ("-u", "reader", "-P", "word")
    with running(tmp_path / "state", mqtt) as pipeline:
        pipeline.wait_for(lambda: len(kept(broker, *reader)) == 5, "the topics of the first name")
    (tmp_path / "acl").write_text(
        "user reader\ntopic readwrite #\nuser pi\ntopic write fer-edge/hall/#\n"
    )
    broker.stop()
    broker.start()
    with running(tmp_path / "state", mqtt, device="hall") as pipeline:
        pipeline.wait_for(lambda: len(said("refuses fer-edge/pi/")) == 5, "the refusals")
        with listening(broker, *reader) as subscriber:
            pipeline.frame("sad")
            pipeline.wait_for(
                lambda: "fer-edge/hall/alert" in topics(subscriber),
                "an alert all the same",
            )
        assert pipeline.close() < 3.0
    with Outbox(tmp_path / "state") as outbox:
        assert {topic for topic in outbox.topics if "/pi/" in topic} == {
            f"fer-edge/pi/{suffix}" for suffix in OURS
        }
