"""Home Assistant's discovery on a real mosquitto with the access rules that docs/mqtt.md gives."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from edge.config.schema import MqttConfig
from edge.messaging.discovery import Features
from edge.messaging.outbox import NAME, Outbox
from tests.conftest import ROOT, Mosquitto, Subscriber
from tests.support.mqtt import (
    READER,
    NewBroker,
    Said,
    at,
    guarded,
    kept,
    listening,
    publish,
    topics,
)
from tests.support.pipeline import Pipeline, running

FEATURES = Features(("happy", "sad"), ("negative",))
TWO = FEATURES._replace(counting=("negative", "other"))

BIRTH = "homeassistant/status"


def recommended(device: str = "pi", user: str = "pi") -> str:
    """The rules of docs/mqtt.md, for another device and user."""
    text = (ROOT / "docs" / "mqtt.md").read_text()
    (block,) = re.findall(r"^```text\nuser fer-edge\n(.*?)^```", text, re.M | re.S)
    return f"user {user}\n{block}".replace("living-room", device)


@pytest.fixture
def ruled(new_broker: NewBroker, tmp_path: Path) -> Mosquitto:
    return guarded(new_broker, tmp_path, recommended())


@pytest.fixture
def mqtt(ruled: Mosquitto, tmp_path: Path) -> MqttConfig:
    return at(ruled, username="pi", password_file=tmp_path / "right")


@pytest.fixture(autouse=True)
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers a birth at once."""
    monkeypatch.setattr("edge.messaging.birth._DELAY_S", 0.0)
    monkeypatch.setattr("edge.messaging.birth._REST_S", 0.0)


def configs(broker: Mosquitto) -> dict[str, dict[str, Any]]:
    """The announcements that the broker retains, by topic."""
    found = kept(broker, *READER, topic="#")
    return {topic: json.loads(text) for topic, text in found.items() if "/device/" in topic}


def heard(subscriber: Subscriber) -> list[dict[str, Any]]:
    """The announcements that came, retained ones too."""
    return [json.loads(text) for _, topic, text in subscriber.messages() if "/device/" in topic]


def announce(pipeline: Pipeline, broker: Mosquitto) -> dict[str, Any]:
    """Wait until it is at the broker and remembered; return it."""
    pipeline.wait_for(lambda: pipeline.outbox.announced, "the announcement")
    (found,) = configs(broker).values()
    return found


def only_platform(message: dict[str, Any]) -> dict[str, str]:
    return {key: c["p"] for key, c in message["cmps"].items() if set(c) == {"p"}}


def test_it_is_retained_and_comes_after_all_that_it_names(
    ruled: Mosquitto, mqtt: MqttConfig, tmp_path: Path
) -> None:
    with (
        listening(ruled, *READER, topic="#") as subscriber,
        running(tmp_path, mqtt, features=FEATURES) as pipeline,
    ):
        pipeline.wait_for(lambda: heard(subscriber), "the announcement")
        order = [t for t in dict.fromkeys(topics(subscriber)) if t != "fer-edge/test"]
        (topic,) = configs(ruled)
    assert re.fullmatch("homeassistant/device/fer_edge_[0-9a-f]{8}/config", topic)
    assert order == [
        "fer-edge/pi/availability",
        "fer-edge/pi/watching",
        "fer-edge/pi/alert/negative",
        "fer-edge/pi/state",
        "fer-edge/pi/stats",
        topic,
    ]


def test_it_comes_again_when_home_assistant_starts(
    ruled: Mosquitto, mqtt: MqttConfig, tmp_path: Path
) -> None:
    with (
        running(tmp_path, mqtt, features=FEATURES) as pipeline,
        listening(ruled, *READER, topic="#") as subscriber,
    ):
        announce(pipeline, ruled)
        for text in ("offline", "x" * 3000, "y" * 100_000, "ONLINE"):
            publish(ruled, BIRTH, text, *READER)
        for _ in range(50):
            pipeline.frame()
        before = len(heard(subscriber))
        publish(ruled, BIRTH, "online", *READER)
        pipeline.wait_for(lambda: len(heard(subscriber)) > before, "another announcement")
        assert pipeline.connected(), "what is too long for us does not end the connection"
        first, *_, last = heard(subscriber)
    assert before == 1
    assert first == last


def test_an_alert_that_is_gone_is_announced_once_by_its_platform(
    ruled: Mosquitto, mqtt: MqttConfig, tmp_path: Path
) -> None:
    with running(tmp_path, mqtt, features=TWO) as pipeline:
        assert only_platform(announce(pipeline, ruled)) == {}
    gone = {
        "alert_other": "binary_sensor",
        "event_other": "event",
        "count_other": "sensor",
        "share_other": "sensor",
        "raised_other": "device_automation",
        "cleared_other": "device_automation",
        "test_other": "button",
        "snooze_other": "button",
    }
    with running(tmp_path, mqtt, features=FEATURES) as pipeline:
        pipeline.wait_for(lambda: not set(gone) & set(pipeline.outbox.announced), "the removal")
        (found,) = configs(ruled).values()
        assert only_platform(found) == gone
        publish(ruled, BIRTH, "online", *READER)
        pipeline.wait_for(
            lambda: all(not only_platform(c) for c in configs(ruled).values()), "the rest"
        )
    with running(tmp_path, mqtt, features=FEATURES) as pipeline:
        pipeline.wait_for(pipeline.connected, "the connection")
        assert only_platform(announce(pipeline, ruled)) == {}


def test_what_a_broker_did_not_hear_of_is_still_to_be_removed(
    ruled: Mosquitto, mqtt: MqttConfig, tmp_path: Path
) -> None:
    with running(tmp_path, mqtt, features=TWO) as pipeline:
        announce(pipeline, ruled)
    ruled.stop()
    with running(tmp_path, mqtt, features=FEATURES) as pipeline:
        pipeline.frame()
        assert "alert_other" in pipeline.outbox.announced
    with Outbox(tmp_path) as outbox:
        assert "alert_other" in outbox.announced


def test_a_new_name_keeps_the_ids_and_empties_the_old_topics(
    new_broker: NewBroker, tmp_path: Path
) -> None:
    rules = recommended() + recommended("hall").partition("\n")[2]
    broker = guarded(new_broker, tmp_path, rules)
    mqtt = at(broker, username="pi", password_file=tmp_path / "right")
    with running(tmp_path, mqtt, features=FEATURES) as pipeline:
        before = announce(pipeline, broker)
        (topic,) = configs(broker)

    def renamed() -> bool:
        return "fer-edge/pi" not in json.dumps(kept(broker, *READER, topic="#"))

    with (
        listening(broker, *READER, topic="#") as subscriber,
        running(tmp_path, mqtt, device="hall", features=FEATURES) as pipeline,
    ):
        pipeline.wait_for(renamed, "the old topics to be emptied")
        order = [(t, text) for _, t, text in subscriber.messages()]
        announcement = max(at for at, (t, _) in enumerate(order) if t == topic)
        emptied = [
            at for at, (t, text) in enumerate(order) if t.startswith("fer-edge/pi/") and not text
        ]
        assert len(emptied) == 5
        assert announcement < min(emptied), "Home Assistant reads the old ones until then"
        assert set(configs(broker)) == {topic}
        after = configs(broker)[topic]
    assert after["dev"]["ids"] == before["dev"]["ids"]
    assert after["dev"]["name"] == "FER hall"
    ids = [{key: c.get("uniq_id") for key, c in each["cmps"].items()} for each in (before, after)]
    assert ids[0] == ids[1]


def test_without_discovery_it_is_taken_away_and_nothing_is_read(
    ruled: Mosquitto, mqtt: MqttConfig, tmp_path: Path
) -> None:
    with running(tmp_path, mqtt, features=FEATURES) as pipeline:
        announce(pipeline, ruled)
    off = dataclasses.replace(mqtt, discovery=False)
    with running(tmp_path, off, features=FEATURES) as pipeline:
        pipeline.wait_for(lambda: not configs(ruled), "the announcement to be emptied")
    log = ruled.log()
    assert log.count("SUBSCRIBE from fer-edge-pi") == 1
    assert f"\t{BIRTH} (QoS 0)" in log


def test_a_broker_that_forbids_it_is_named_once_and_alerts_go_on(
    new_broker: NewBroker, tmp_path: Path, said: Said
) -> None:
    broker = guarded(new_broker, tmp_path, "topic write fer-edge/pi/#")
    mqtt = at(broker, username="pi", password_file=tmp_path / "right")
    with (
        listening(broker, *READER) as subscriber,
        running(tmp_path, mqtt, features=FEATURES) as pipeline,
    ):
        pipeline.wait_for(lambda: said("refuses homeassistant/device/"), "the refusal")
        pipeline.frame("sad")
        pipeline.wait_for(lambda: "fer-edge/pi/alert" in topics(subscriber), "an alert")
        assert not pipeline.outbox.announced
    assert len(said("refuses")) == 1


def test_a_broker_that_takes_only_short_packets_keeps_the_rest(
    new_broker: NewBroker, tmp_path: Path, said: Said
) -> None:
    broker = new_broker("allow_anonymous true\nmax_packet_size 1200\n").start()
    with (
        listening(broker) as subscriber,
        running(tmp_path, at(broker), features=FEATURES) as pipeline,
    ):
        pipeline.frame("sad")
        pipeline.wait_for(lambda: "fer-edge/pi/alert" in topics(subscriber), "an alert")
        pipeline.wait_for(lambda: said("it takes at most 1200 bytes"), "the reason")
    assert not said("connection lost")


def test_without_a_disk_there_is_no_second_device(
    broker: Mosquitto, tmp_path: Path, said: Said
) -> None:
    """An id that is not kept would be another one after the next start."""
    (tmp_path / NAME).mkdir()
    with running(tmp_path, at(broker), features=FEATURES) as pipeline:
        pipeline.wait_for(pipeline.connected, "the connection")
        pipeline.wait_for(lambda: len(kept(broker, topic="#")) >= 4, "the topics")
        assert not [topic for topic in kept(broker, topic="#") if "homeassistant" in topic]
    assert said("alerts are kept in memory only")
