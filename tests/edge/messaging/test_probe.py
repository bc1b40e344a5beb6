"""`fer-edge check` at a broker: whether it gives the service what it needs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from edge.config.alerts import AlertConfig
from edge.config.schema import Config, MqttConfig
from edge.errors import FerEdgeError
from edge.messaging import probe as module
from edge.messaging.alert_queue import payload
from edge.messaging.probe import probe
from tests.conftest import Mosquitto, wait_for
from tests.support.mqtt import READER, NewBroker, at, guarded, listening, publish, retained, topics
from tests.support.mqtt_proxy import PUBACK, proxy
from tests.support.pipeline import alert, running


def at_broker(broker: Mosquitto) -> Config:
    return Config(device="pi", mqtt=at(broker))


def test_the_probe_leaves_nothing_behind(broker: Mosquitto) -> None:
    assert probe(at_broker(broker)) == f"127.0.0.1:{broker.port}: connection accepted, MQTT 5"
    assert retained(broker) == {}
    wait_for(lambda: "probe" not in {t.name for t in threading.enumerate()}, "the thread's end")


def test_the_probe_does_not_throw_out_the_running_service(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with running(tmp_path, at(broker)) as pipeline:
        pipeline.wait_for(lambda: pipeline.session, "the connection")
        first = pipeline.connection
        probe(at_broker(broker))
        pipeline.frame()
        assert pipeline.connection is first
        assert first.open.is_set()


def test_the_probe_says_what_is_wrong(new_broker: NewBroker) -> None:
    with pytest.raises(FerEdgeError, match="Connection refused; check"):
        probe(at_broker(new_broker("")))


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("retain_available false", "Retain not supported; the broker must allow retained messages"),
        ("max_qos 0", "QoS not supported; the broker must allow QoS 1"),
        ("max_packet_size 300", "packets of at most 300 bytes; the broker must allow 1152"),
        ("message_size_limit 300", "hangs up at a retained message of 1152 bytes: connection lost"),
        ("clientid_prefixes home-", "that the broker allows client ids fer-edge-*"),
    ],
)
def test_what_the_service_needs_and_the_broker_does_not_do_is_named(
    new_broker: NewBroker, lines: str, complaint: str
) -> None:
    broker = new_broker(f"allow_anonymous true\n{lines}\n").start()
    with pytest.raises(FerEdgeError) as refused:
        probe(at_broker(broker))
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("lines", ["clientid_prefixes fer-edge-", "max_qos 1"])
def test_a_broker_that_does_only_what_is_needed_is_enough(
    new_broker: NewBroker, lines: str
) -> None:
    broker = new_broker(f"allow_anonymous true\n{lines}\nmax_packet_size 1200\n").start()
    assert "connection accepted" in probe(at_broker(broker))


def test_more_alerts_need_longer_messages(new_broker: NewBroker) -> None:
    broker = new_broker("allow_anonymous true\nmax_packet_size 1200\n").start()
    many = tuple(AlertConfig(f"alert-{at}") for at in range(20))
    with pytest.raises(FerEdgeError, match="the broker must allow 3584"):
        probe(Config(device="pi", mqtt=at(broker), alerts=many))


def test_no_message_is_longer_than_what_is_tried(broker: Mosquitto, tmp_path: Path) -> None:
    rules = tuple(AlertConfig(f"{at:032}", ("sad",), 1, 9.0, 0, 0.0) for at in range(30))
    with running(tmp_path, at(broker), *rules) as pipeline, listening(broker) as subscriber:
        pipeline.frame("sad")
        pipeline.wait_for(lambda: "fer-edge/pi/stats" in topics(subscriber), "the stats")
        longest = max(len(text) for _, _, text in subscriber.messages())
    assert longest <= module._MESSAGE_BYTES + module._ALERT_BYTES * len(rules)
    assert len(payload(alert(name="x" * 32))) < module._MESSAGE_BYTES


def test_a_broker_that_does_not_let_us_publish_is_named(
    new_broker: NewBroker, tmp_path: Path
) -> None:
    broker = guarded(new_broker, tmp_path, "topic write fer-edge/other/#")
    mqtt = at(broker, username="pi", password_file=tmp_path / "right")
    with pytest.raises(FerEdgeError, match="refuses fer-edge/pi/check: Not authorized; check its"):
        probe(Config(device="pi", mqtt=mqtt))
    assert retained(broker, *READER) == {}


def test_a_broker_that_does_not_acknowledge_is_named_and_nothing_stays(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 1.0)
    with proxy(broker.port) as between:
        between.held_back.add(PUBACK)
        with pytest.raises(FerEdgeError, match="does not acknowledge messages with QoS 1"):
            probe(Config(device="pi", mqtt=MqttConfig("127.0.0.1", between.port)))
        publish(broker, "fer-edge/pi/after", "", "-q", "1")
        wait_for(lambda: retained(broker) == {}, "the last will to empty the topic")


@contextmanager
def without_wills() -> Iterator[int]:
    """A broker for MQTT 3.1.1 only that hangs up at a CONNECT with a last will; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    device, _ = listener.accept()
                    connect = device.recv(1024)
                    version, flags = connect[8], connect[9]
                    if version == 5:
                        device.sendall(b"\x20\x03\x00\x84\x00")  # unsupported protocol version
                    elif not flags & 0x04:
                        device.sendall(b"\x20\x02\x00\x00")  # accepted
                        device.recv(1024)
                    device.close()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def test_a_broker_without_last_wills_is_named() -> None:
    with (
        without_wills() as port,
        pytest.raises(FerEdgeError, match="refuses a retained last will"),
    ):
        probe(Config(device="pi", mqtt=MqttConfig("127.0.0.1", port)))
