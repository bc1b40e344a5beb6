"""Certificates: the broker's and ours."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edge.config.schema import Config, MqttConfig
from edge.messaging.probe import probe
from tests.conftest import Mosquitto, wait_for
from tests.support.mqtt import (
    NewBroker,
    Said,
    alerts,
    listening,
    retained,
    texts,
)
from tests.support.pipeline import running


@pytest.fixture
def tls_broker(new_broker: NewBroker, certificates: Path) -> Mosquitto:
    files = {"cafile": "ca.pem", "certfile": "server.pem", "keyfile": "server.key"}
    lines = [f"{key} {certificates / name}\n" for key, name in files.items()]
    return new_broker("allow_anonymous true\n" + "".join(lines)).start()


def test_alerts_go_over_tls(tls_broker: Mosquitto, certificates: Path, tmp_path: Path) -> None:
    authority = certificates / "ca.pem"
    mqtt = MqttConfig("localhost", tls_broker.port, tls=True, tls_ca=authority)
    options = ("-h", "localhost", "--cafile", str(authority))
    with listening(tls_broker, *options) as subscriber, running(tmp_path, mqtt) as pipeline:
        pipeline.frame("sad")
        pipeline.wait_for(lambda: alerts(subscriber), "the alert")
        pipeline.close()
        wait_for(lambda: texts(subscriber, "availability")[-1] == "offline", "offline")


@pytest.mark.parametrize(
    ("authority", "host", "tls", "complaint"),
    [
        ("other.pem", "localhost", True, "CERTIFICATE_VERIFY_FAILED"),
        ("ca.pem", "127.0.0.1", True, "CERTIFICATE_VERIFY_FAILED"),
        ("", "localhost", False, "check that mqtt.tls is right for this port"),
    ],
    ids=["unknown-authority", "another-name", "no-tls"],
)
def test_a_failure_of_tls_is_said_once_and_tried_again(
    tls_broker: Mosquitto,
    certificates: Path,
    tmp_path: Path,
    said: Said,
    authority: str,
    host: str,
    tls: bool,
    complaint: str,
) -> None:
    path = certificates / authority if authority else None
    with running(tmp_path, MqttConfig(host, tls_broker.port, tls=tls, tls_ca=path)) as pipeline:
        pipeline.wait_for(lambda: tls_broker.log().count("OpenSSL Error") >= 3, "three tries")
        pipeline.wait_for(lambda: said("trying again"), "the complaint")
    (line,) = said("trying again")
    assert complaint in line


def secured(new_broker: NewBroker, files: Path, *lines: str) -> Mosquitto:
    """A broker whose authority and certificate lie in `files` as ca.pem, server.pem, server.key."""
    names = {"cafile": "ca.pem", "certfile": "server.pem", "keyfile": "server.key"}
    given = [f"{key} {files / name}" for key, name in names.items()]
    return new_broker("\n".join(["allow_anonymous true", *given, *lines, ""]))


def test_a_broker_whose_certificate_ran_out_is_said_once_and_gets_the_alerts_when_it_is_renewed(
    new_broker: NewBroker, certificates: Path, tmp_path: Path, said: Said
) -> None:
    for name in ("ca.pem", "server.key", "server.pem"):
        shutil.copy(certificates / name.replace("server", "expired"), tmp_path / name)
    broker = secured(new_broker, tmp_path).start()
    mqtt = MqttConfig("localhost", broker.port, tls=True, tls_ca=certificates / "ca.pem")
    with running(tmp_path / "state", mqtt) as pipeline:
        (raised,) = pipeline.frame("sad")
        pipeline.wait_for(lambda: broker.log().count("OpenSSL Error") >= 3, "three tries")
        (line,) = said("trying again")
        assert "certificate has expired" in line
        assert list(pipeline.outbox.waiting) == [raised.id]
        for name in ("server.key", "server.pem"):
            shutil.copy(certificates / name, tmp_path / name)
        broker.stop()
        broker.start()
        options = ("-h", "localhost", "--cafile", str(certificates / "ca.pem"))
        pipeline.wait_for(lambda: not pipeline.outbox.waiting, "the alert to be taken")
        assert retained(broker, *options)["alert/negative"] == "ON"


def test_a_broker_that_asks_for_a_certificate_gets_ours(
    new_broker: NewBroker, certificates: Path, tmp_path: Path
) -> None:
    broker = secured(
        new_broker, certificates, "require_certificate true", "use_identity_as_username true"
    ).start()
    (tmp_path / "both.pem").write_text(
        (certificates / "client.pem").read_text() + (certificates / "client.key").read_text()
    )
    options = {"tls": True, "tls_ca": certificates / "ca.pem"}
    for shown in (
        {"tls_cert": certificates / "client.pem", "tls_key": certificates / "client.key"},
        {"tls_cert": tmp_path / "both.pem"},
    ):
        told = probe(Config(mqtt=MqttConfig("localhost", broker.port, **options, **shown)))  # type: ignore[arg-type]
        assert told.endswith("connection accepted, MQTT 5")


@pytest.mark.parametrize("shown", ["nobody", "other"])
def test_a_broker_that_asks_for_a_certificate_and_gets_none_of_its_own_is_said_once(
    new_broker: NewBroker, certificates: Path, tmp_path: Path, said: Said, shown: str
) -> None:
    broker = secured(new_broker, certificates, "require_certificate true").start()
    pair = {"tls_cert": certificates / "other.pem", "tls_key": certificates / "other.key"}
    mqtt = MqttConfig(
        "localhost",
        broker.port,
        tls=True,
        tls_ca=certificates / "ca.pem",
        **(pair if shown == "other" else {}),  # type: ignore[arg-type]
    )
    with running(tmp_path, mqtt) as pipeline:
        (raised,) = pipeline.frame("sad")
        pipeline.wait_for(lambda: broker.log().count("OpenSSL Error") >= 3, "three tries")
        pipeline.wait_for(lambda: said("trying again"), "the complaint")
        assert list(pipeline.outbox.waiting) == [raised.id]
    assert len(said("trying again")) <= 2, "TLS 1.3 tells of it now while connecting, now after"


def test_tls_at_a_port_without_it_is_said(broker: Mosquitto, tmp_path: Path, said: Said) -> None:
    with running(tmp_path, MqttConfig("localhost", broker.port, tls=True)) as pipeline:
        pipeline.wait_for(lambda: said("trying again"), "the complaint")
