"""What tests say to a real broker, and what they hear from it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from edge.config.schema import MqttConfig
from tests.conftest import Mosquitto, Subscriber, wait_for

BASE = "fer-edge/pi"
READER = ("-u", "reader", "-P", "word")
"""Options of the user who may read everything at a `guarded` broker."""
NewBroker: TypeAlias = Callable[[str], Mosquitto]
Said: TypeAlias = Callable[..., list[str]]


def at(broker: Mosquitto, **more: Any) -> MqttConfig:
    """The configuration for `broker`."""
    return MqttConfig(host="127.0.0.1", port=broker.port, **more)


@contextmanager
def listening(broker: Mosquitto, *options: str, topic: str = "fer-edge/#") -> Iterator[Subscriber]:
    """A subscriber that is known to have subscribed."""
    publish(broker, TEST, "subscribed", "-r", *(o for o in options if o not in _SUB))
    subscriber = Subscriber(broker, *options, topic=topic)
    try:
        wait_for(lambda: TEST in topics(subscriber), "the subscription")
        yield subscriber
    finally:
        subscriber.stop()


_SUB = ("-c", "-i", "sub")
TEST = "fer-edge/test"


def publish(broker: Mosquitto, topic: str, text: str, *options: str) -> None:
    found = shutil.which("mosquitto_pub")
    if found is None:
        pytest.skip("no mosquitto_pub on this machine: apt install mosquitto-clients")
    line = [found, "-p", str(broker.port), "-t", topic, "-m", text, *options]
    subprocess.run(line, check=True, timeout=10)


def topics(subscriber: Subscriber) -> list[str]:
    return [topic for _, topic, _ in subscriber.messages()]


def texts(subscriber: Subscriber, topic: str) -> list[str]:
    """The payloads on `topic` below our base, in order."""
    return [text for _, t, text in subscriber.messages() if t == f"{BASE}/{topic}"]


def alerts(subscriber: Subscriber) -> list[dict[str, Any]]:
    return [json.loads(text) for text in texts(subscriber, "alert")]


def retained(broker: Mosquitto, *options: str) -> dict[str, str]:
    """What somebody who subscribes now gets at once, by topic below our base."""
    with listening(broker, *options) as subscriber:
        # mosquitto sends what it retains before it answers a later publication
        publish(broker, "fer-edge/end", "", *options)
        wait_for(lambda: "fer-edge/end" in topics(subscriber), "the end of what is retained")
        return {
            topic.removeprefix(f"{BASE}/"): text
            for flag, topic, text in subscriber.messages()
            if flag == "1" and topic.startswith(BASE)
        }


def kept(broker: Mosquitto, *options: str, topic: str = "fer-edge/#") -> dict[str, str]:
    """Everything that the broker retains, by topic."""
    with listening(broker, *options, topic=topic) as subscriber:
        # mosquitto sends what it retains before it answers a later publication
        publish(broker, "fer-edge/end", "", *options)
        wait_for(lambda: "fer-edge/end" in topics(subscriber), "the end of what is retained")
        found = {topic: text for flag, topic, text in subscriber.messages() if flag == "1"}
    return {topic: text for topic, text in found.items() if topic != TEST}


def guarded(new_broker: NewBroker, tmp_path: Path, rules: str = "topic readwrite #") -> Mosquitto:
    """A broker with a password file and access rules for the user `pi`, whose word is `secret`."""
    users, acl = tmp_path / "users", tmp_path / "acl"
    if shutil.which("mosquitto_passwd") is None:
        pytest.skip("no mosquitto on this machine: apt install mosquitto mosquitto-clients")
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", users, "pi", "secret"], check=True, capture_output=True
    )
    subprocess.run(
        ["mosquitto_passwd", "-b", users, "reader", "word"], check=True, capture_output=True
    )
    for path in (users, acl):
        path.touch(mode=0o600)
    acl.write_text(f"user reader\ntopic readwrite #\nuser pi\n{rules}\n")
    (tmp_path / "right").write_text("secret\nsecond line\n")
    (tmp_path / "wrong").write_text("geheim")
    return new_broker(
        f"allow_anonymous false\npassword_file {users}\nacl_file {acl}\nlog_type all\n"
    ).start()
