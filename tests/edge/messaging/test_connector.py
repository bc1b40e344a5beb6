"""Whoever may listen at the broker's address, and what becomes of the connection."""

from __future__ import annotations

import gc
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from edge.cli import demo_broker
from edge.config.schema import Config, MqttConfig
from edge.messaging.connection import V5, Connection
from edge.messaging.credentials import read_credentials
from edge.messaging.probe import probe
from tests.conftest import Mosquitto, wait_for
from tests.support.mqtt import (
    BASE,
    READER,
    NewBroker,
    Said,
    alerts,
    at,
    guarded,
    listening,
    texts,
)
from tests.support.pipeline import RULE, Pipeline, running

# A broker that does not want us


def test_a_broker_that_is_not_there_is_said_once_and_tried_for_ever(
    new_broker: NewBroker, tmp_path: Path, said: Said
) -> None:
    broker = new_broker("")
    with running(tmp_path, at(broker)) as pipeline:
        pipeline.wait_for(lambda: said("Connection refused"), "the complaint")
        tried = pipeline.connection
        pipeline.wait_for(lambda: pipeline.connection is not tried, "another try")
        broker.start()
        pipeline.wait_for(lambda: said("connected to the broker"), "the connection")
    assert len(said("Connection refused")) == 1
    assert len(said("connected to the broker")) == 1


def test_an_unknown_host_is_said_once(tmp_path: Path, said: Said) -> None:
    with running(tmp_path, MqttConfig(host="no-such-host.invalid")) as pipeline:
        pipeline.wait_for(lambda: said("no such host"), "the complaint")
        tried = pipeline.connection
        pipeline.wait_for(lambda: pipeline.connection is not tried, "another try")
        pipeline.frame("sad")
    assert len(said("no such host")) == 1


def test_a_wrong_password_is_said_once_and_tried_again(
    new_broker: NewBroker, tmp_path: Path, said: Said
) -> None:
    broker = guarded(new_broker, tmp_path)
    mqtt = at(broker, username="pi", password_file=tmp_path / "wrong")
    with running(tmp_path, mqtt) as pipeline:
        pipeline.wait_for(lambda: broker.log().count("not authorised") >= 3, "three tries")
    (line,) = said("trying again")
    assert "Not authorized; check mqtt.username and mqtt.password_file" in line
    assert "geheim" not in line


def test_tries_in_vain_leave_no_descriptors_behind_though_nobody_collects_garbage(
    new_broker: NewBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.messaging.connector._BACKOFF_S", (0.01, 0.01))
    broker = guarded(new_broker, tmp_path)
    mqtt = at(broker, username="pi", password_file=tmp_path / "wrong")
    with running(tmp_path, mqtt) as pipeline:
        pipeline.wait_for(lambda: broker.log().count("not authorised") >= 3, "three tries")
        gc.collect()
        gc.disable()
        try:
            before = len(list(Path("/proc/self/fd").iterdir()))
            pipeline.wait_for(lambda: broker.log().count("not authorised") >= 40, "forty tries")
            after = len(list(Path("/proc/self/fd").iterdir()))
        finally:
            gc.enable()
    assert after <= before + 6


def test_a_password_that_is_changed_while_we_run_is_read_anew(
    new_broker: NewBroker, tmp_path: Path, said: Said
) -> None:
    broker = guarded(new_broker, tmp_path)
    mqtt = at(broker, username="pi", password_file=tmp_path / "right")
    with running(tmp_path / "state", mqtt) as pipeline:
        pipeline.wait_for(lambda: broker_knows(pipeline), "the connection")
        subprocess.run(["mosquitto_passwd", "-b", tmp_path / "users", "pi", "new"], check=True)
        broker.stop()
        broker.start()
        (raised,) = pipeline.frame("sad")
        pipeline.wait_for(lambda: said("Not authorized"), "the refusal")
        assert list(pipeline.outbox.waiting) == [raised.id]
        (tmp_path / "right").unlink()
        tried = pipeline.connection
        pipeline.wait_for(lambda: pipeline.connection is not tried, "a try without a file")
        (tmp_path / "right").write_text("new\n")
        pipeline.wait_for(lambda: not pipeline.outbox.waiting, "the alert to be taken")
    assert "new" not in "".join(said())


def broker_knows(pipeline: Pipeline) -> bool:
    return pipeline.session is not None


def test_the_right_password_is_the_first_line_of_its_file(
    new_broker: NewBroker, tmp_path: Path
) -> None:
    broker = guarded(new_broker, tmp_path)
    mqtt = at(broker, username="pi", password_file=tmp_path / "right")
    with running(tmp_path, mqtt) as pipeline, listening(broker, *READER) as subscriber:
        pipeline.frame("sad")
        pipeline.wait_for(lambda: alerts(subscriber), "the alert")
    assert probe(Config(mqtt=mqtt)).endswith("connection accepted, MQTT 5")


def test_what_the_access_rules_deny_is_said_once_a_topic_and_kept_until_they_allow_it(
    new_broker: NewBroker, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.messaging.session._REFUSED_S", 0.2)
    broker = guarded(new_broker, tmp_path, f"topic write {BASE}/availability")
    mqtt = at(broker, username="pi", password_file=tmp_path / "right")
    with (
        running(tmp_path, mqtt) as pipeline,
        listening(broker, *READER) as subscriber,
    ):
        (raised,) = pipeline.frame("sad")
        denied = "Denied PUBLISH from fer-edge-pi (d0, q1, r0, m"
        pipeline.wait_for(lambda: broker.log().count(denied) >= 3, "the alert to be offered thrice")
        assert list(pipeline.outbox.waiting) == [raised.id]
        assert [line.partition(" refuses ")[2].partition(":")[0] for line in said("refuses")] == [
            f"{BASE}/watching",
            f"{BASE}/alert/negative",
            f"{BASE}/state",
            f"{BASE}/stats",
            f"{BASE}/alert",
        ]
        (tmp_path / "acl").write_text("user reader\ntopic readwrite #\nuser pi\ntopic write #\n")
        broker.signal(signal.SIGHUP)
        pipeline.wait_for(lambda: not pipeline.outbox.waiting, "the alert to be taken")
        pipeline.wait_for(lambda: texts(subscriber, "state"), "the state to be taken")
        assert [a["id"] for a in alerts(subscriber)] == [raised.id]
        assert texts(subscriber, "alert/negative") == ["ON"]
    assert "Not authorized" in said("refuses")[0]


def test_who_hears_that_an_alert_is_over_has_heard_that_it_began(
    new_broker: NewBroker, tmp_path: Path, said: Said
) -> None:
    broker = guarded(new_broker, tmp_path, f"topic write {BASE}/availability")
    mqtt = at(broker, username="pi", password_file=tmp_path / "right")
    with running(tmp_path, mqtt) as pipeline, listening(broker, *READER) as subscriber:
        (raised,) = pipeline.frame("sad")
        pipeline.wait_for(lambda: said(f"refuses {BASE}/alert: "), "the alert to be refused")
        (tmp_path / "acl").write_text("user reader\ntopic readwrite #\nuser pi\ntopic write #\n")
        loaded = broker.log().count("Reloading config")
        broker.signal(signal.SIGHUP)
        pipeline.wait_for(lambda: broker.log().count("Reloading config") > loaded, "the new rules")
        (cleared,) = pipeline.frame("happy")
        pipeline.wait_for(lambda: len(alerts(subscriber)) == 2, "both")
        assert [a["id"] for a in alerts(subscriber)] == [raised.id, cleared.id]


# Whoever else may listen there


@contextmanager
def server(answer: bytes | None) -> Iterator[tuple[int, list[int]]]:
    """Says `answer` and hangs up; with None it stays silent. The port, and a list of callers."""
    callers: list[int] = []
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def work() -> None:
            while True:
                try:
                    caller, address = listener.accept()
                except OSError:
                    return
                callers.append(address[1])
                kept.append(caller)
                if answer is not None:
                    with suppress(OSError):  # the caller may have heard enough
                        caller.sendall(answer)
                        caller.shutdown(socket.SHUT_WR)

        threading.Thread(target=work, daemon=True).start()
        yield listener.getsockname()[1], callers
        listener.shutdown(socket.SHUT_RDWR)
    for caller in kept:
        caller.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"\x20\x02\x00",
        b"\x20\x09\x00\x00\xff\xff\xff\xff\xff\xff\xff",
        b"\x20\x7f\x00\x00\x06!\x00" + bytes(range(120)),
        b"\x40\x02\x00\x07",
        bytes(range(256)),
    ],
    ids=["nothing", "ssh", "http", "cut-short", "bad-properties", "odd", "unasked", "any-bytes"],
)
def test_whoever_speaks_no_mqtt_is_said_once_and_tried_again(
    tmp_path: Path, said: Said, answer: bytes
) -> None:
    with (
        server(answer) as (port, callers),
        running(tmp_path, MqttConfig("127.0.0.1", port)) as pipeline,
    ):
        pipeline.wait_for(lambda: len(callers) >= 6, "six tries")
        assert pipeline.close() < 3.0
    assert len(said("trying again")) == 1


def test_a_silent_server_is_given_up_and_said_once(
    tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.messaging.connection._CONNACK_S", 0.2)
    with (
        server(None) as (port, callers),
        running(tmp_path, MqttConfig("127.0.0.1", port)) as pipeline,
    ):
        pipeline.wait_for(lambda: len(callers) >= 4, "four tries")
        assert pipeline.close() < 3.0
    (line,) = said("trying again")
    assert "does not answer" in line


def test_the_end_does_not_wait_for_a_server_that_never_answers(tmp_path: Path) -> None:
    with (
        server(None) as (port, callers),
        running(tmp_path, MqttConfig("127.0.0.1", port)) as pipeline,
    ):
        pipeline.wait_for(lambda: callers, "the connection")
        pipeline.frame("sad")
        assert pipeline.close() < 3.0
        wait_for(lambda: "broker" not in {t.name for t in threading.enumerate()}, "the thread")


@pytest.mark.slow
def test_two_devices_of_one_name_do_not_fill_the_log(
    broker: Mosquitto, tmp_path: Path, said: Said
) -> None:
    with running(tmp_path / "1", at(broker)) as one, running(tmp_path / "2", at(broker)) as two:

        def fought() -> bool:
            two.frame()
            return len(said("is there another device called fer-edge-pi?")) == 2

        one.wait_for(fought, "both to say what is behind it")
        before = said()
        fights = broker.log().count("already connected")
        one.wait_for(
            lambda: fought() and broker.log().count("already connected") > fights + 5,
            "the two to go on throwing each other out",
        )
        assert said() == before
    assert len(said("connection lost")) == 2
    assert len(said("Give each its own `device`, and the copy of a card its own")) == 2
    assert len(said("connected to the broker")) <= 4


# MQTT 3.1.1


@pytest.mark.slow
def test_a_broker_without_mqtt_5_gets_alerts_by_3_1_1(tmp_path: Path, said: Said) -> None:
    pytest.importorskip("amqtt")
    with demo_broker.broker() as port:
        mqtt = MqttConfig("127.0.0.1", port)
        with running(tmp_path, mqtt) as pipeline:
            pipeline.frame("sad")
            pipeline.wait_for(lambda: not pipeline.outbox.waiting, "the acknowledgement")
        assert probe(Config(mqtt=mqtt)).endswith("connection accepted, MQTT 3.1.1")
    assert len(said("MQTT 3.1.1")) == 1
    assert not said("trying again")


def test_a_broker_that_hung_up_while_it_was_starting_still_gets_mqtt_5(
    new_broker: NewBroker, tmp_path: Path, said: Said
) -> None:
    broker = new_broker("")
    with running(tmp_path, at(broker)) as pipeline:
        with socket.create_server(("127.0.0.1", broker.port)) as listener:
            caller, _ = listener.accept()
        caller.close()  # hangs up at MQTT 5, and is not there for 3.1.1
        pipeline.wait_for(lambda: said("Connection refused"), "a try with nobody there")
        broker.start()
        pipeline.wait_for(lambda: said("connected to the broker"), "the connection")
    assert said("connected to the broker")[0].endswith("MQTT 5")


def test_a_connection_that_is_closed_before_it_runs_does_not_stay_open(broker: Mosquitto) -> None:
    connection = Connection(read_credentials(at(broker)), "early", None, V5)
    connection.close(graceful=False)
    connection.run()
    assert not connection.open.is_set()


def test_a_publisher_without_a_broker_can_be_closed_unopened(tmp_path: Path) -> None:
    assert Pipeline(tmp_path, MqttConfig("127.0.0.1"), RULE).close() < 0.5
