"""Alerts, states and availability at a real mosquitto, whatever happens to it on the way."""

from __future__ import annotations

import dataclasses
import gc
import json
import logging
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from edge import demo, outbox
from edge.access import access, exposed
from edge.config import AlertRule, Camera, Config, Mqtt
from edge.errors import ConfigError, Problem
from edge.link import V5, Link
from edge.probe import probe
from edge.records import AlertEvent, Face, Frame
from edge.status import Status
from tests.conftest import Mosquitto, wait_for
from tests.house import (
    BASE,
    GRAY,
    PROMPT_S,
    RULE,
    House,
    alert,
    alerts,
    at,
    listening,
    living,
    publish,
    reading,
    retained,
    texts,
)

NewBroker = Callable[[str], Mosquitto]
ALERT_KEYS = [
    "id", "episode", "event_type", "name", "face", "count", "window_s", "emotions", "time",
]  # fmt: skip
PERSISTENT = "allow_anonymous true\npersistence true\nautosave_interval 1\n"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connects again sooner than the product does."""
    monkeypatch.setattr("edge.broker._BACKOFF_S", (0.05, 0.2))


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[str]]:
    """The lines of our own log that hold a text."""
    caplog.set_level(logging.INFO, logger="edge")

    def lines(text: str = "") -> list[str]:
        return [r.getMessage() for r in caplog.records if text in r.getMessage()]

    return lines


Said = Callable[[str], list[str]]


# What subscribers see


def test_an_alert_is_seen_raised_then_cleared(broker: Mosquitto, tmp_path: Path) -> None:
    with listening(broker) as subscriber, living(tmp_path, at(broker)) as house:
        house.wait_for(lambda: texts(subscriber, "alert/negative") == ["OFF"], "the first OFF")
        (raised,) = house.frame("sad")
        house.wait_for(lambda: alerts(subscriber), "raised")
        (cleared,) = house.frame("happy")
        house.wait_for(lambda: len(alerts(subscriber)) == 2, "cleared")
        seen = alerts(subscriber)
        switched = texts(subscriber, "alert/negative")
    assert [a["event_type"] for a in seen] == ["raised", "cleared"]
    assert [a["id"] for a in seen] == [raised.id, cleared.id]
    assert seen[0]["id"] != seen[1]["id"]
    assert seen[0]["episode"] == seen[1]["episode"]
    assert switched == ["OFF", "ON", "OFF"]


def test_an_alert_has_exactly_the_promised_keys(broker: Mosquitto, tmp_path: Path) -> None:
    with listening(broker) as subscriber, living(tmp_path, at(broker)) as house:
        house.frame("sad")
        house.wait_for(lambda: alerts(subscriber), "raised")
        (seen,) = alerts(subscriber)
    assert list(seen) == ALERT_KEYS
    assert (seen["name"], seen["face"], seen["count"]) == ("negative", None, 1)
    assert (seen["window_s"], seen["emotions"]) == (0.5, ["sad"])
    assert seen["time"] == "2026-03-01T00:00:00.000+00:00"


def test_the_state_has_exactly_the_promised_keys(broker: Mosquitto, tmp_path: Path) -> None:
    with listening(broker) as subscriber, living(tmp_path, at(broker)) as house:
        house.frame("sad")
        house.wait_for(lambda: texts(subscriber, "state"), "the state")
        state = json.loads(texts(subscriber, "state")[0])
    assert list(state) == ["time", "emotion", "confidence", "faces", "fps", "negative"]
    assert state["negative"] == {"negative": 1}


def test_the_stats_have_what_a_frame_costs_and_come_again(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.broker.STATS_S", 0.5)
    with listening(broker) as subscriber, living(tmp_path, at(broker)) as house:
        house.wait_for(lambda: len(texts(subscriber, "stats")) >= 3, "the third report")
        seen = [json.loads(text) for text in texts(subscriber, "stats")]
    assert list(seen[0]) == [
        "time", "fps", "cpu_share", "ms", "dropped", "scan_every", "temperature_c", "throttled",
        "rss_mb",
    ]  # fmt: skip
    assert list(seen[0]["ms"]) == ["capture", "scan", "track", "classify", "log", "publish"]
    assert seen[2]["fps"] > 1
    assert 0 < seen[2]["cpu_share"] < 4
    assert 10 < seen[2]["rss_mb"] < 1000
    assert seen[2]["dropped"] == 0


def test_a_camera_that_falls_silent_is_in_the_state_at_once(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with listening(broker) as subscriber, living(tmp_path, at(broker)) as house:
        house.wait_for(lambda: texts(subscriber, "state"), "the first state")
        in_sight(house.status)
        house.broker._state_at_s = 0
        for told in (lambda: None, house.status.silence, lambda: in_sight(house.status)):
            before = len(texts(subscriber, "state"))
            told()
            house.broker.tell(time.monotonic(), (), house.alarm, house.status)
            wait_for(lambda n=before: len(texts(subscriber, "state")) > n, "the state")  # type: ignore[misc]
        _, silent, back = map(json.loads, texts(subscriber, "state")[-3:])
    assert (silent["emotion"], silent["faces"], silent["fps"]) == ("none", 0, 0.0)
    assert (back["emotion"], back["faces"]) == ("sad", 1)


def in_sight(status: Status) -> None:
    """A frame with a sad face."""
    seen = reading("sad", 9.0)
    frame = Frame(GRAY, seen.time, 9.0, time.monotonic())
    status.update(frame, (Face(seen.face, seen.box),), [seen])


def test_everything_is_retained_but_alerts(broker: Mosquitto, tmp_path: Path) -> None:
    with living(tmp_path, at(broker)) as house:
        with listening(broker) as subscriber:
            house.frame("sad")
            house.wait_for(lambda: alerts(subscriber), "raised")
        later = retained(broker)
        house.frame("sad")
    assert set(later) == {"availability", "state", "stats", "alert/negative"}
    assert (later["availability"], later["alert/negative"]) == ("online", "ON")


def test_the_end_leaves_offline_and_no_unfinished_thread(broker: Mosquitto, tmp_path: Path) -> None:
    with living(tmp_path, at(broker)) as house:
        house.wait_for(lambda: house.broker._greeted, "the connection")
        took_s = house.close()
        assert house.close() < 1, "a second close has nothing to do"
    assert retained(broker)["availability"] == "offline"
    assert took_s < PROMPT_S
    wait_for(lambda: "broker" not in {t.name for t in threading.enumerate()}, "the thread's end")


# A broker that comes and goes


def test_an_alert_raised_while_the_broker_was_away_arrives_when_it_is_back(
    new_broker: NewBroker, tmp_path: Path
) -> None:
    broker = new_broker(PERSISTENT).start()
    with (
        listening(broker, "-c", "-i", "sub") as subscriber,
        living(tmp_path, at(broker)) as house,
    ):
        house.wait_for(lambda: texts(subscriber, "availability"), "the connection")
        broker.stop()
        house.wait_for(lambda: not house.broker._link.open.is_set(), "the loss to be noticed")
        (raised,) = house.frame("sad")
        assert list(house.outbox.waiting) == [raised.id]
        broker.start()
        house.wait_for(lambda: alerts(subscriber), "the alert after reconnecting")
        house.wait_for(lambda: not house.outbox.waiting, "the acknowledgement")
        assert [a["id"] for a in alerts(subscriber)] == [raised.id]


@pytest.mark.parametrize("emotions", [("sad",), ()], ids=["raised", "not-raised"])
def test_what_is_retained_is_right_again_after_the_broker_was_killed(
    broker: Mosquitto, tmp_path: Path, emotions: tuple[str, ...]
) -> None:
    with living(tmp_path, at(broker)) as house:
        house.frame(*emotions)
        house.wait_for(lambda: "alert/negative" in retained(broker), "the first connection")
        broker.stop(kill=True)
        house.wait_for(lambda: not house.broker._link.open.is_set(), "the loss to be noticed")
        broker.start()
        house.wait_for(lambda: len(retained(broker)) == 4, "everything to be there again")
        again = retained(broker)
    assert again["availability"] == "online"
    assert again["alert/negative"] == ("ON" if emotions else "OFF")
    assert json.loads(again["state"])["faces"] == 0


def test_an_alert_acknowledged_just_before_the_loss_is_not_sent_again(
    new_broker: NewBroker, tmp_path: Path
) -> None:
    broker = new_broker(PERSISTENT).start()
    with (
        listening(broker, "-c", "-i", "sub") as subscriber,
        living(tmp_path, at(broker)) as house,
    ):
        house.wait_for(lambda: house.broker._greeted, "the connection")
        house.wait_for(lambda: not house.broker._under_way, "all acknowledgements")
        house.frame("sad")
        link = house.broker._link
        # No turn of the loop between the acknowledgement and the loss.
        wait_for(lambda: link.answers and alerts(subscriber), "the acknowledgement")
        broker.stop()
        wait_for(lambda: not link.open.is_set(), "the loss to be noticed")
        broker.start()
        house.wait_for(lambda: house.broker._greeted is not link, "the next connection")
        assert not house.outbox.waiting
        house.frame("happy")
        house.wait_for(lambda: len(alerts(subscriber)) >= 2, "cleared")
        assert [a["event_type"] for a in alerts(subscriber)] == ["raised", "cleared"]


def test_a_frozen_broker_holds_up_neither_the_loop_nor_the_end(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with living(tmp_path, at(broker)) as house:
        house.wait_for(lambda: house.broker._greeted, "the connection")
        broker.signal(signal.SIGSTOP)
        try:
            for _ in range(50):
                house.frame("sad")
                house.frame("happy")
            took_s = house.close()
        finally:
            broker.signal(signal.SIGCONT)
    assert house.slowest_s < PROMPT_S
    assert took_s < PROMPT_S
    assert len(house.outbox.waiting) == 100
    # It got no farewell, so it must say by itself that we are gone.
    wait_for(lambda: retained(broker)["availability"] == "offline", "the last will")


def test_a_flapping_broker_gets_every_alert_once_and_in_order(
    new_broker: NewBroker, tmp_path: Path
) -> None:
    broker = new_broker(PERSISTENT).start()
    raised: list[str] = []
    with (
        listening(broker, "-c", "-i", "sub") as subscriber,
        living(tmp_path, at(broker)) as house,
    ):
        for turn in range(8):
            house.wait_for(house.connected, "a connection")
            raised += [alert.id for alert in house.frame("sad") + house.frame("happy")]
            broker.stop()  # persistent, but for what it has in hand when it is killed
            raised += [alert.id for alert in house.frame("sad") + house.frame("happy")]
            if turn % 2:
                house.wait_for(lambda: not house.connected(), "the loss")
            broker.start()
        house.wait_for(lambda: not house.outbox.waiting, "the last acknowledgement")
        wait_for(lambda: len({a["id"] for a in alerts(subscriber)}) == 32, "all of them")
        first = list(dict.fromkeys(a["id"] for a in alerts(subscriber)))
        print(f"{len(raised)} alerts, {len(alerts(subscriber)) - 32} came twice")
    assert first == raised


# Alerts of an earlier process


def test_an_alert_that_was_left_raised_and_removed_from_the_configuration_is_cleared(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with listening(broker) as subscriber:
        with living(tmp_path, at(broker)) as house:
            (raised,) = house.frame("sad")
            house.wait_for(lambda: alerts(subscriber), "raised")
        with living(tmp_path, at(broker), AlertRule("other", ("sad",))) as house:
            house.wait_for(lambda: len(alerts(subscriber)) == 2, "cleared")
            now = retained(broker)
        seen = alerts(subscriber)
    assert [a["event_type"] for a in seen] == ["raised", "cleared"]
    assert seen[1]["episode"] == raised.episode
    assert (now["alert/negative"], now["alert/other"]) == ("OFF", "OFF")


def test_the_topic_of_a_removed_alert_is_off_even_if_only_its_last_message_was_left(
    broker: Mosquitto, tmp_path: Path
) -> None:
    publish(broker, f"{BASE}/alert/negative", "ON", "-r")
    with outbox.Outbox(tmp_path) as before:  # cleared, then killed before the broker heard of it
        before.add(alert())
        before.remove(["id-1"])
        before.add(dataclasses.replace(alert(2, AlertEvent.CLEARED), episode="episode-1"))
        assert [*before.waiting] == ["id-2"]
    with living(tmp_path, at(broker), AlertRule("other", ("sad",))) as house:
        house.wait_for(lambda: not house.outbox.waiting, "the cleared message to be taken")
        assert retained(broker)["alert/negative"] == "OFF"


def test_a_service_that_sees_no_frame_leaves_an_alert_on_that_is_still_raised(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with outbox.Outbox(tmp_path) as before:
        before.add(alert())
    with living(tmp_path, at(broker)) as house:  # the camera is gone: it ends before any frame
        wait_for(house.connected, "the connection")
    now = retained(broker)
    assert (now["alert/negative"], now["availability"]) == ("ON", "offline")


def fill(directory: Path, count: int) -> None:
    """As if so many alerts had been raised and cleared without a broker."""
    with outbox.Outbox(directory):
        pass
    with sqlite3.connect(directory / outbox.NAME) as database:
        rows = [(f"id-{n}", outbox.payload(alert(n))) for n in range(count)]
        database.executemany("INSERT INTO waiting (id, payload) VALUES (?, ?)", rows)


def test_ten_thousand_waiting_alerts_arrive_in_order_each_once(
    new_broker: NewBroker, tmp_path: Path
) -> None:
    broker = new_broker("allow_anonymous true\nmax_queued_messages 0\n").start()
    fill(tmp_path, 10_000)
    with listening(broker) as subscriber, living(tmp_path, at(broker)) as house:
        until_s = time.monotonic() + 60
        while house.outbox.waiting and time.monotonic() < until_s:
            house.frame()
        house.wait_for(lambda: len(texts(subscriber, "alert")) >= 10_000, "the last alert")
        assert [a["id"] for a in alerts(subscriber)] == [f"id-{n}" for n in range(10_000)]
    assert house.slowest_s < 1.0
    with outbox.Outbox(tmp_path) as after:
        assert not after.waiting


def test_no_more_messages_are_under_way_than_the_broker_takes(
    new_broker: NewBroker, tmp_path: Path
) -> None:
    broker = new_broker("allow_anonymous true\nmax_inflight_messages 2\n").start()
    fill(tmp_path, 300)
    with living(tmp_path, at(broker)) as house:
        house.wait_for(lambda: house.broker._greeted, "the connection")
        first = house.broker._greeted
        assert first is not None
        assert first.window == 2
        most = 0
        while house.outbox.waiting:
            house.frame()
            most = max(most, len(house.broker._under_way))
            assert house.broker._greeted is first, "the broker threw us out"
    assert most == 2


# A broker that does not want us


def test_a_broker_that_is_not_there_is_said_once_and_tried_for_ever(
    new_broker: NewBroker, tmp_path: Path, said: Said
) -> None:
    broker = new_broker("")
    with living(tmp_path, at(broker)) as house:
        house.wait_for(lambda: said("Connection refused"), "the complaint")
        tried = house.broker._link
        house.wait_for(lambda: house.broker._link is not tried, "another try")
        broker.start()
        house.wait_for(lambda: said("connected to the broker"), "the connection")
    assert len(said("Connection refused")) == 1
    assert len(said("connected to the broker")) == 1


def test_an_unknown_host_is_said_once(tmp_path: Path, said: Said) -> None:
    with living(tmp_path, Mqtt(host="no-such-host.invalid")) as house:
        house.wait_for(lambda: said("no such host"), "the complaint")
        tried = house.broker._link
        house.wait_for(lambda: house.broker._link is not tried, "another try")
        house.frame("sad")
    assert len(said("no such host")) == 1


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


READER = ("-u", "reader", "-P", "word")


def test_a_wrong_password_is_said_once_and_tried_again(
    new_broker: NewBroker, tmp_path: Path, said: Said
) -> None:
    broker = guarded(new_broker, tmp_path)
    mqtt = at(broker, username="pi", password_file=str(tmp_path / "wrong"))
    with living(tmp_path, mqtt) as house:
        house.wait_for(lambda: broker.log().count("not authorised") >= 3, "three tries")
    (line,) = said("trying again")
    assert "Not authorized; check mqtt.username and mqtt.password_file" in line
    assert "geheim" not in line


def test_tries_in_vain_leave_no_descriptors_behind_though_nobody_collects_garbage(
    new_broker: NewBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.broker._BACKOFF_S", (0.01, 0.01))
    broker = guarded(new_broker, tmp_path)
    mqtt = at(broker, username="pi", password_file=str(tmp_path / "wrong"))
    with living(tmp_path, mqtt) as house:
        house.wait_for(lambda: broker.log().count("not authorised") >= 3, "three tries")
        gc.collect()
        gc.disable()
        try:
            before = len(list(Path("/proc/self/fd").iterdir()))
            house.wait_for(lambda: broker.log().count("not authorised") >= 40, "forty tries")
            after = len(list(Path("/proc/self/fd").iterdir()))
        finally:
            gc.enable()
    assert after <= before + 6


def test_a_password_that_is_changed_while_we_run_is_read_anew(
    new_broker: NewBroker, tmp_path: Path, said: Said
) -> None:
    broker = guarded(new_broker, tmp_path)
    mqtt = at(broker, username="pi", password_file=str(tmp_path / "right"))
    with living(tmp_path / "state", mqtt) as house:
        house.wait_for(lambda: broker_knows(house), "the connection")
        subprocess.run(["mosquitto_passwd", "-b", tmp_path / "users", "pi", "new"], check=True)
        broker.stop()
        broker.start()
        (raised,) = house.frame("sad")
        house.wait_for(lambda: said("Not authorized"), "the refusal")
        assert list(house.outbox.waiting) == [raised.id]
        (tmp_path / "right").unlink()
        tried = house.broker._link
        house.wait_for(lambda: house.broker._link is not tried, "a try without a file")
        (tmp_path / "right").write_text("new\n")
        house.wait_for(lambda: not house.outbox.waiting, "the alert to be taken")
    assert "new" not in "".join(said())


def broker_knows(house: House) -> bool:
    return house.broker._greeted is not None


def test_the_right_password_is_the_first_line_of_its_file(
    new_broker: NewBroker, tmp_path: Path
) -> None:
    broker = guarded(new_broker, tmp_path)
    mqtt = at(broker, username="pi", password_file=str(tmp_path / "right"))
    with living(tmp_path, mqtt) as house, listening(broker, *READER) as subscriber:
        house.frame("sad")
        house.wait_for(lambda: alerts(subscriber), "the alert")
    assert probe(mqtt, "pi").endswith("accepts us, MQTT 5")


def test_what_the_access_rules_deny_is_said_once_a_topic_and_kept_until_they_allow_it(
    new_broker: NewBroker, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.broker._REFUSED_S", 0.2)
    broker = guarded(new_broker, tmp_path, f"topic write {BASE}/availability")
    mqtt = at(broker, username="pi", password_file=str(tmp_path / "right"))
    with (
        living(tmp_path, mqtt) as house,
        listening(broker, *READER) as subscriber,
    ):
        (raised,) = house.frame("sad")
        denied = "Denied PUBLISH from fer-edge-pi (d0, q1, r0, m"
        house.wait_for(lambda: broker.log().count(denied) >= 3, "the alert to be offered thrice")
        assert list(house.outbox.waiting) == [raised.id]
        assert [line.partition(" refuses ")[2].partition(":")[0] for line in said("refuses")] == [
            f"{BASE}/alert/negative",
            f"{BASE}/state",
            f"{BASE}/stats",
            f"{BASE}/alert",
        ]
        (tmp_path / "acl").write_text("user reader\ntopic readwrite #\nuser pi\ntopic write #\n")
        broker.signal(signal.SIGHUP)
        house.wait_for(lambda: not house.outbox.waiting, "the alert to be taken")
        house.wait_for(lambda: texts(subscriber, "state"), "the state to be taken")
        assert [a["id"] for a in alerts(subscriber)] == [raised.id]
        assert texts(subscriber, "alert/negative") == ["ON"]
    assert "Not authorized" in said("refuses")[0]


def test_who_hears_that_an_alert_is_over_has_heard_that_it_began(
    new_broker: NewBroker, tmp_path: Path, said: Said
) -> None:
    broker = guarded(new_broker, tmp_path, f"topic write {BASE}/availability")
    mqtt = at(broker, username="pi", password_file=str(tmp_path / "right"))
    with living(tmp_path, mqtt) as house, listening(broker, *READER) as subscriber:
        (raised,) = house.frame("sad")
        house.wait_for(lambda: said(f"refuses {BASE}/alert: "), "the alert to be refused")
        (tmp_path / "acl").write_text("user reader\ntopic readwrite #\nuser pi\ntopic write #\n")
        loaded = broker.log().count("Reloading config")
        broker.signal(signal.SIGHUP)
        house.wait_for(lambda: broker.log().count("Reloading config") > loaded, "the new rules")
        (cleared,) = house.frame("happy")
        house.wait_for(lambda: len(alerts(subscriber)) == 2, "both")
        assert [a["id"] for a in alerts(subscriber)] == [raised.id, cleared.id]


# TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority (ca.pem), certificates of a server for localhost, of one that is out of date, of
    a client; and another authority."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for name in ("ca", "other"):
        openssl("req", "-x509", *curve, "-keyout", f"{name}.key", "-out", f"{name}.pem",
                "-subj", f"/CN={name}", "-days", "2")  # fmt: skip
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    for name, days in {"server": "2", "expired": "-1", "client": "2"}.items():
        openssl("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", "/CN=localhost")  # fmt: skip
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", f"{name}.pem", "-days", days,
                "-extfile", "names")  # fmt: skip
    openssl("ec", "-in", "client.key", "-out", "locked.key", "-aes128", "-passout", "pass:word")
    return folder


@pytest.fixture
def tls_broker(new_broker: NewBroker, certificates: Path) -> Mosquitto:
    files = {"cafile": "ca.pem", "certfile": "server.pem", "keyfile": "server.key"}
    lines = [f"{key} {certificates / name}\n" for key, name in files.items()]
    return new_broker("allow_anonymous true\n" + "".join(lines)).start()


def test_alerts_go_over_tls(tls_broker: Mosquitto, certificates: Path, tmp_path: Path) -> None:
    authority = str(certificates / "ca.pem")
    mqtt = Mqtt("localhost", tls_broker.port, tls=True, tls_ca=authority)
    options = ("-h", "localhost", "--cafile", authority)
    with listening(tls_broker, *options) as subscriber, living(tmp_path, mqtt) as house:
        house.frame("sad")
        house.wait_for(lambda: alerts(subscriber), "the alert")
        house.close()
        wait_for(lambda: texts(subscriber, "availability")[-1] == "offline", "offline")


@pytest.mark.parametrize(
    ("authority", "host", "tls", "complaint"),
    [
        ("other.pem", "localhost", True, "CERTIFICATE_VERIFY_FAILED"),
        ("ca.pem", "127.0.0.1", True, "CERTIFICATE_VERIFY_FAILED"),
        ("", "localhost", False, "is mqtt.tls right for this port?"),
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
    path = str(certificates / authority) if authority else ""
    with living(tmp_path, Mqtt(host, tls_broker.port, tls=tls, tls_ca=path)) as house:
        house.wait_for(lambda: tls_broker.log().count("OpenSSL Error") >= 3, "three tries")
        house.wait_for(lambda: said("trying again"), "the complaint")
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
    mqtt = Mqtt("localhost", broker.port, tls=True, tls_ca=str(certificates / "ca.pem"))
    with living(tmp_path / "state", mqtt) as house:
        (raised,) = house.frame("sad")
        house.wait_for(lambda: broker.log().count("OpenSSL Error") >= 3, "three tries")
        (line,) = said("trying again")
        assert "certificate has expired" in line
        assert list(house.outbox.waiting) == [raised.id]
        for name in ("server.key", "server.pem"):
            shutil.copy(certificates / name, tmp_path / name)
        broker.stop()
        broker.start()
        options = ("-h", "localhost", "--cafile", str(certificates / "ca.pem"))
        house.wait_for(lambda: not house.outbox.waiting, "the alert to be taken")
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
    options = {"tls": True, "tls_ca": str(certificates / "ca.pem")}
    for shown in (
        {"tls_cert": str(certificates / "client.pem"), "tls_key": str(certificates / "client.key")},
        {"tls_cert": str(tmp_path / "both.pem")},
    ):
        told = probe(Mqtt("localhost", broker.port, **options, **shown), "pi")  # type: ignore[arg-type]
        assert told.endswith("accepts us, MQTT 5")


@pytest.mark.parametrize("shown", ["nobody", "other"])
def test_a_broker_that_asks_for_a_certificate_and_gets_none_of_its_own_is_said_once(
    new_broker: NewBroker, certificates: Path, tmp_path: Path, said: Said, shown: str
) -> None:
    broker = secured(new_broker, certificates, "require_certificate true").start()
    pair = {"tls_cert": f"{certificates}/other.pem", "tls_key": f"{certificates}/other.key"}
    mqtt = Mqtt(
        "localhost",
        broker.port,
        tls=True,
        tls_ca=str(certificates / "ca.pem"),
        **(pair if shown == "other" else {}),
    )
    with living(tmp_path, mqtt) as house:
        (raised,) = house.frame("sad")
        house.wait_for(lambda: broker.log().count("OpenSSL Error") >= 3, "three tries")
        house.wait_for(lambda: said("trying again"), "the complaint")
        assert list(house.outbox.waiting) == [raised.id]
    assert len(said("trying again")) <= 2, "TLS 1.3 tells of it now while connecting, now after"


def test_tls_at_a_port_without_it_is_said(broker: Mosquitto, tmp_path: Path, said: Said) -> None:
    with living(tmp_path, Mqtt("localhost", broker.port, tls=True)) as house:
        house.wait_for(lambda: said("trying again"), "the complaint")


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
    with server(answer) as (port, callers), living(tmp_path, Mqtt("127.0.0.1", port)) as house:
        house.wait_for(lambda: len(callers) >= 6, "six tries")
        assert house.close() < 3.0
    assert len(said("trying again")) == 1


def test_a_silent_server_is_given_up_and_said_once(
    tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.link._ANSWER_S", 0.2)
    with server(None) as (port, callers), living(tmp_path, Mqtt("127.0.0.1", port)) as house:
        house.wait_for(lambda: len(callers) >= 4, "four tries")
        assert house.close() < 3.0
    (line,) = said("trying again")
    assert "does not answer" in line


def test_the_end_does_not_wait_for_a_server_that_never_answers(tmp_path: Path) -> None:
    with server(None) as (port, callers), living(tmp_path, Mqtt("127.0.0.1", port)) as house:
        house.wait_for(lambda: callers, "the connection")
        house.frame("sad")
        assert house.close() < 3.0
        wait_for(lambda: "broker" not in {t.name for t in threading.enumerate()}, "the thread")


def test_two_devices_of_one_name_do_not_fill_the_log(
    broker: Mosquitto, tmp_path: Path, said: Said
) -> None:
    with living(tmp_path / "1", at(broker)) as one, living(tmp_path / "2", at(broker)) as two:

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
    assert len(said("connected to the broker")) <= 4


# MQTT 3.1.1


def test_a_broker_without_mqtt_5_gets_alerts_by_3_1_1(tmp_path: Path, said: Said) -> None:
    pytest.importorskip("amqtt")
    with demo._broker() as port:
        mqtt = Mqtt("127.0.0.1", port)
        with living(tmp_path, mqtt) as house:
            house.frame("sad")
            house.wait_for(lambda: not house.outbox.waiting, "the acknowledgement")
        assert probe(mqtt, "pi").endswith("accepts us, MQTT 3.1.1")
    assert len(said("MQTT 3.1.1")) == 1
    assert not said("trying again")


def test_a_broker_that_hung_up_while_it_was_starting_still_gets_mqtt_5(
    new_broker: NewBroker, tmp_path: Path, said: Said
) -> None:
    broker = new_broker("")
    with living(tmp_path, at(broker)) as house:
        with socket.create_server(("127.0.0.1", broker.port)) as listener:
            caller, _ = listener.accept()
        caller.close()  # hangs up at MQTT 5, and is not there for 3.1.1
        house.wait_for(lambda: said("Connection refused"), "a try with nobody there")
        broker.start()
        house.wait_for(lambda: said("connected to the broker"), "the connection")
    assert said("connected to the broker")[0].endswith("MQTT 5")


# What is wrong in the configuration


def test_a_byte_order_mark_is_no_part_of_the_password(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_bytes(b"\xef\xbb\xbfword\r\n")
    assert access(Mqtt("h", username="u", password_file=str(path))).password == "word"


def test_a_password_longer_than_mqtt_knows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("x" * 65536)
    with pytest.raises(ConfigError, match=r"mqtt.password_file: .*: longer than 65535 bytes"):
        access(Mqtt("h", username="u", password_file=str(path)))


def test_a_password_file_that_is_not_there_is_a_matter_of_configuration(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    with pytest.raises(ConfigError, match=r"mqtt.password_file: .*none: No such file"):
        access(Mqtt("h", username="pi", password_file=str(missing)))


def test_a_password_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "word").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"mqtt.password_file: "):
        access(Mqtt("h", username="pi", password_file=str(tmp_path / "word")))


def test_a_password_without_a_username_is_refused(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("secret")
    with pytest.raises(ConfigError, match=r"needs mqtt.username"):
        access(Mqtt("h", password_file=str(tmp_path / "word")))


def test_an_authority_without_tls_is_refused_for_nothing_would_be_encrypted() -> None:
    with pytest.raises(ConfigError, match=r"mqtt.tls = true"):
        access(Mqtt("h", tls_ca="/etc/ssl/certs/ca.pem"))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_authority_that_cannot_be_read_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=r"mqtt.tls_ca: .*ca.pem: "):
        access(Mqtt("h", tls=True, tls_ca=str(path)))


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"tls": False, "tls_cert": "client.pem"}, "mqtt.tls_cert: is of no use without mqtt.tls"),
        ({"tls": False, "tls_key": "client.key"}, "mqtt.tls_key: is of no use without mqtt.tls"),
        ({"tls_key": "client.key"}, "mqtt.tls_key: a key needs its certificate, mqtt.tls_cert"),
        ({"tls_cert": "none"}, r"mqtt.tls_cert: .*none: No such file"),
        ({"tls_cert": "client.pem", "tls_key": "none"}, r"mqtt.tls_key: .*none: No such file"),
        ({"tls_cert": "client.pem"}, r"mqtt.tls_cert: .*client.pem: "),
        ({"tls_cert": "client.pem", "tls_key": "ca.key"}, r"mqtt.tls_cert: .*client.pem, .*ca.key"),
        ({"tls_cert": "client.pem", "tls_key": "locked.key"}, r"mqtt.tls_cert: .*locked.key: "),
        ({"tls_cert": "names"}, r"mqtt.tls_cert: .*names: "),
    ],
)
def test_a_certificate_of_ours_that_is_of_no_use_is_refused(
    certificates: Path, keys: dict[str, str], complaint: str
) -> None:
    given = {k: str(certificates / v) if isinstance(v, str) else v for k, v in keys.items()}
    with pytest.raises(ConfigError, match=complaint) as refused:
        access(Mqtt("h", **{"tls": True} | given))  # type: ignore[arg-type]
    assert str(refused.value).isprintable()


def test_secrets_that_everybody_can_read_are_named_and_others_are_not(tmp_path: Path) -> None:
    for name in ("word", "client.pem", "client.key", "config.toml"):
        (tmp_path / name).touch(mode=0o600)
    mqtt = Mqtt(
        "h",
        username="pi",
        password_file=str(tmp_path / "word"),
        tls_cert=str(tmp_path / "client.pem"),
        tls_key=str(tmp_path / "client.key"),
    )
    config = Config(mqtt=mqtt, camera=Camera(source="rtsp://me:word@host/live"))
    file = tmp_path / "config.toml"
    assert list(exposed(config, file)) == []
    for path in tmp_path.iterdir():
        path.chmod(0o644)
    assert list(exposed(config, file)) == [
        f"mqtt.password_file: everybody can read {tmp_path}/word; chmod o-r it",
        f"mqtt.tls_key: everybody can read {tmp_path}/client.key; chmod o-r it",
        f"camera.source may hold a password: everybody can read {file}; chmod o-r it",
    ]
    (tmp_path / "word").unlink()
    assert len(list(exposed(config, file))) == 2
    assert list(exposed(Config(), file)) == []
    assert list(exposed(Config(camera=Camera(source="rtsp://host/live")), file)) == []
    query = Config(camera=Camera(source="http://host/video?user=me&pwd=word"))
    assert len(list(exposed(query, file))) == 1


# check


def test_the_probe_leaves_nothing_behind(broker: Mosquitto) -> None:
    assert probe(at(broker), "pi") == f"127.0.0.1:{broker.port}: accepts us, MQTT 5"
    assert retained(broker) == {}
    wait_for(lambda: "probe" not in {t.name for t in threading.enumerate()}, "the thread's end")


def test_the_probe_does_not_throw_out_the_running_service(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with living(tmp_path, at(broker)) as house:
        house.wait_for(lambda: house.broker._greeted, "the connection")
        first = house.broker._link
        probe(at(broker), "pi")
        house.frame()
        assert house.broker._link is first
        assert first.open.is_set()


def test_the_probe_says_what_is_wrong(new_broker: NewBroker) -> None:
    with pytest.raises(Problem, match="Connection refused; check"):
        probe(at(new_broker("")), "pi")


def test_a_link_that_was_ended_before_it_began_does_not_stay(broker: Mosquitto) -> None:
    link = Link(access(at(broker)), "early", None, V5)
    link.end(farewell=False)
    link.serve()
    assert not link.open.is_set()


def test_a_house_without_a_broker_can_be_closed_unopened(tmp_path: Path) -> None:
    assert House(tmp_path, Mqtt("127.0.0.1"), RULE).close() < 0.5
