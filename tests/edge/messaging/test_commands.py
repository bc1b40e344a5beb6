"""What others may ask for: a few exact payloads, and whatever else comes changes nothing."""

from __future__ import annotations

import logging
import random
import string
import threading
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.messaging.commands import (
    Command,
    Inbox,
    RaiseTest,
    RestartCamera,
    SetLimit,
    SetWatching,
    Snooze,
)
from edge.messaging.received import Received
from tests.conftest import ROOT, Mosquitto
from tests.support.mqtt import BASE, READER, NewBroker, at, guarded, publish, retained
from tests.support.pipeline import running

MOST = {"negative": 120}


def inbox() -> Inbox:
    return Inbox(BASE, ("negative", "blind"), MOST)


def heard(topic: str, payload: bytes, *, retained: bool = False) -> Command | None:
    message = Received.of(f"{BASE}/{topic}", payload, retained=retained)
    return inbox().hear(message, 0.0)


VALID = [
    ("watching/set", b"ON", SetWatching(on=True)),
    ("watching/set", b"OFF", SetWatching(on=False)),
    ("camera/restart", b"PRESS", RestartCamera()),
    ("camera/restart", b"", RestartCamera()),
    ("alert/negative/test", b"PRESS", RaiseTest("negative")),
    ("alert/blind/test", b"", RaiseTest("blind")),
    ("alert/negative/snooze", b"", Snooze("negative", 3600)),
    ("alert/blind/snooze", b"PRESS", Snooze("blind", 3600)),
    ("alert/negative/snooze", b"60", Snooze("negative", 60)),
    ("alert/negative/snooze", b"0", Snooze("negative", 0)),
    ("alert/negative/snooze", b"86400", Snooze("negative", 86400)),
    ("alert/negative/limit/set", b"1", SetLimit("negative", 1)),
    ("alert/negative/limit/set", b"120", SetLimit("negative", 120)),
]


@pytest.mark.parametrize(("topic", "payload", "command"), VALID)
def test_a_command_is_understood(topic: str, payload: bytes, command: Command) -> None:
    assert heard(topic, payload) == command


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("watching/set", b""),
        ("watching/set", b"on"),
        ("watching/set", b"ON "),
        ("watching/set", b"ON\0"),
        ("watching/set", b'{"state": "ON"}'),
        ("camera/restart", b"PRESSED"),
        ("camera/restart", b"ON"),
        ("alert/negative/test", b"1"),
        ("alert/negative/snooze", b"-1"),
        ("alert/negative/snooze", b"1e3"),
        ("alert/negative/snooze", b"86401"),
        ("alert/negative/snooze", b"60.0"),
        ("alert/negative/snooze", "٦٠".encode()),
        ("alert/negative/snooze", b"9" * 4000),
        ("alert/negative/limit/set", b""),
        ("alert/negative/limit/set", b"0"),
        ("alert/negative/limit/set", b"121"),
        ("alert/negative/limit/set", b" 5"),
        ("alert/negative/limit/set", b"5\n"),
        ("alert/negative/limit/set", b"0x10"),
        ("alert/blind/limit/set", b"5"),
        ("alert/other/test", b"PRESS"),
        ("alert/../test", b"PRESS"),
        ("alert/negative", b"ON"),
        ("availability", b"offline"),
    ],
)
def test_anything_else_is_not(topic: str, payload: bytes) -> None:
    assert heard(topic, payload) is None


@pytest.mark.parametrize(("topic", "payload", "command"), VALID)
def test_a_retained_command_is_ignored(topic: str, payload: bytes, command: Command) -> None:
    assert command
    assert heard(topic, payload, retained=True) is None


TOPICS = [topic for topic, _ in inbox().reads]


@given(
    st.one_of(st.sampled_from(TOPICS), st.text(max_size=60)),
    st.one_of(st.binary(max_size=40), st.from_regex(rb"[0-9]{1,9}", fullmatch=True)),
)
@example(TOPICS[0], b"OFF")
def test_whatever_comes_it_is_a_command_within_its_bounds_or_nothing(
    topic: str, payload: bytes
) -> None:
    match inbox().hear(Received.of(topic, payload, retained=False), 0.0):
        case SetLimit(name, count):
            assert 1 <= count <= MOST[name]
        case Snooze(name, seconds):
            assert name in {"negative", "blind"}
            assert 0 <= seconds <= 86400
        case SetWatching():
            assert payload in {b"ON", b"OFF"}
        case None:
            pass
        case _:
            assert payload in {b"", b"PRESS"}


def test_malformed_ones_are_said_once_a_topic_whatever_they_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    box = inbox()
    for number in range(1000):
        for topic in TOPICS:
            box.hear(Received.of(topic, b"no %d of %d" % (number, number), retained=False), 0.0)
            box.hear(Received.of(topic, b"", retained=True), 0.0)
        box.hear(Received.of(f"{BASE}/{number}", b"", retained=False), 0.0)
    assert len(caplog.records) == 2 * len(TOPICS) + 1
    assert all(len(record.message) < 200 for record in caplog.records)


def test_of_a_flood_only_some_are_obeyed_and_other_topics_are_not_held_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    box = inbox()
    test = Received.of(f"{BASE}/alert/negative/test", b"", retained=False)
    off = Received.of(f"{BASE}/watching/set", b"OFF", retained=False)
    obeyed = [now for now in range(1000) if box.hear(test, now / 100)]
    assert len(obeyed) in {14, 15}, "five, and one every second"
    assert box.hear(off, 10.0) == SetWatching(on=False)
    assert [record.message for record in caplog.records] == [
        f"{BASE}/alert/negative/test: too many commands; ignoring some"
    ]
    assert box.hear(test, 60.0)


def test_the_camera_is_restarted_every_ten_seconds_at_most() -> None:
    box = inbox()
    restart = Received.of(f"{BASE}/camera/restart", b"PRESS", retained=False)
    assert [at for at in range(31) if box.hear(restart, float(at))] == [0, 10, 20, 30]


def test_what_is_kept_of_a_message_is_bounded() -> None:
    assert len(Received.of("x", b"y" * 10**6, retained=False).payload) == 33


# On a real broker


def test_commands_arrive_from_a_real_broker_and_what_is_retained_does_not(
    broker: Mosquitto, tmp_path: Path
) -> None:
    publish(broker, f"{BASE}/watching/set", "OFF", "-r")
    with running(tmp_path, at(broker), inbox=inbox()) as pipeline:
        pipeline.wait_for(pipeline.connected, "the connection")
        publish(broker, f"{BASE}/alert/negative/limit/set", "7", "-q", "1")
        pipeline.wait_for(lambda: pipeline.publisher.commands, "the command")
        publish(broker, f"{BASE}/watching/set", "ON", "-q", "1")
        pipeline.wait_for(lambda: len(pipeline.publisher.commands) > 1, "another one")
        assert list(pipeline.publisher.commands) == [SetLimit("negative", 7), SetWatching(on=True)]


@pytest.mark.slow
def test_a_thousand_hostile_messages_change_nothing(
    broker: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is valid among them is obeyed within its bounds; the connection and alerts go on."""
    caplog.set_level(logging.WARNING)
    chance = random.Random(23)
    names = [topic for topic, _ in inbox().reads]
    printable = string.printable.replace("\0", "")

    def hostile() -> None:
        for _ in range(100):
            topic = chance.choice(names)
            length = chance.choice([0, 1, 5, 40, 3000, 100_000])
            text = "".join(chance.choices(printable, k=min(length, 100))) * (length // 100 + 1)
            publish(broker, topic, text, *chance.choice([(), ("-r",), ("-q", "1"), ("-q", "2")]))

    with running(tmp_path, at(broker), inbox=inbox()) as pipeline:
        pipeline.wait_for(pipeline.connected, "the connection")
        thread = threading.Thread(target=hostile)
        thread.start()
        pipeline.wait_for(lambda: not thread.is_alive(), "all of them")
        publish(broker, f"{BASE}/alert/negative/snooze", "61", "-q", "1")
        wanted = Snooze("negative", 61)
        pipeline.wait_for(lambda: wanted in pipeline.publisher.commands, "one that is right")
        assert pipeline.connected()
        for command in pipeline.publisher.commands:
            assert isinstance(command, RestartCamera | RaiseTest | Snooze), "as an empty one is"
        assert "alert/negative" in retained(broker)
    assert len(caplog.records) <= 3 * len(names) + 1


def rules_of_docs(user: str) -> str:
    """What docs/mqtt.md recommends for `user` of a device called living-room."""
    text = (ROOT / "docs" / "mqtt.md").read_text()
    return text.split(f"user {user}\n")[1].split("```")[0].split("\n\n")[0]


def test_with_the_recommended_access_rules_only_commands_reach_the_device(
    new_broker: NewBroker, tmp_path: Path
) -> None:
    """Who may only see states can ask for nothing, and who may ask cannot speak as the device."""
    ours = rules_of_docs("fer-edge").replace("living-room", "pi")
    theirs = rules_of_docs("homeassistant")
    broker = guarded(new_broker, tmp_path, ours)
    acl = tmp_path / "acl"
    of_tests = "topic write fer-edge/test\ntopic write fer-edge/end"
    acl.write_text(f"user reader\n{theirs}\n{of_tests}\nuser pi\n{ours}")
    broker.stop()
    broker.start()
    mqtt = at(broker, username="pi", password_file=tmp_path / "right")
    with running(tmp_path / "state", mqtt, inbox=inbox()) as pipeline:
        pipeline.wait_for(pipeline.connected, "the connection")
        for topic, _ in inbox().reads:
            publish(broker, topic, "ON" if "watching" in topic else "5", "-q", "1", *READER)
        publish(broker, f"{BASE}/availability", "offline", "-q", "1", "-r", *READER)
        publish(broker, f"{BASE}/alert/negative", "ON", "-q", "1", "-r", *READER)
        heard = {
            SetWatching(on=True),
            Snooze("negative", 5),
            Snooze("blind", 5),
            SetLimit("negative", 5),
        }
        pipeline.wait_for(lambda: heard <= set(pipeline.publisher.commands), "the commands")
        assert set(pipeline.publisher.commands) == heard
        found = retained(broker, *READER)
    assert (found["availability"], found["alert/negative"]) == ("online", "OFF")
