"""What subscribers of a real mosquitto see, also when it comes and goes."""

from __future__ import annotations

import dataclasses
import json
import signal
import sqlite3
import threading
import time
from pathlib import Path
from resource import getpagesize

import pytest

from edge.config.alerts import AlertConfig
from edge.messaging import outbox
from edge.messaging.alert_queue import payload
from edge.records import AlertEvent, Face, Frame, Snapshot
from tests.conftest import Mosquitto, wait_for
from tests.support.mqtt import (
    BASE,
    NewBroker,
    alerts,
    at,
    listening,
    publish,
    retained,
    texts,
)
from tests.support.pipeline import GRAY, Pipeline, alert, reading, running
from tests.support.service import PROMPT_S

ALERT_KEYS = [
    "id", "episode", "event_type", "name", "face", "count", "window_s", "emotions", "time",
]  # fmt: skip
PERSISTENT = "allow_anonymous true\npersistence true\nautosave_interval 1\n"


# What subscribers see


def test_an_alert_is_seen_raised_then_cleared(broker: Mosquitto, tmp_path: Path) -> None:
    with listening(broker) as subscriber, running(tmp_path, at(broker)) as pipeline:
        pipeline.wait_for(lambda: texts(subscriber, "alert/negative") == ["OFF"], "the first OFF")
        (raised,) = pipeline.frame("sad")
        pipeline.wait_for(lambda: alerts(subscriber), "raised")
        (cleared,) = pipeline.frame("happy")
        pipeline.wait_for(lambda: len(alerts(subscriber)) == 2, "cleared")
        seen = alerts(subscriber)
        switched = texts(subscriber, "alert/negative")
    assert [a["event_type"] for a in seen] == ["raised", "cleared"]
    assert [a["id"] for a in seen] == [raised.id, cleared.id]
    assert seen[0]["id"] != seen[1]["id"]
    assert seen[0]["episode"] == seen[1]["episode"]
    assert switched == ["OFF", "ON", "OFF"]


def test_an_alert_has_exactly_the_promised_keys(broker: Mosquitto, tmp_path: Path) -> None:
    with listening(broker) as subscriber, running(tmp_path, at(broker)) as pipeline:
        pipeline.frame("sad")
        pipeline.wait_for(lambda: alerts(subscriber), "raised")
        (seen,) = alerts(subscriber)
    assert list(seen) == ALERT_KEYS
    assert (seen["name"], seen["face"], seen["count"]) == ("negative", None, 1)
    assert (seen["window_s"], seen["emotions"]) == (0.5, ["sad"])
    assert seen["time"] == "2026-03-01T00:00:00.000+00:00"


def test_the_state_has_exactly_the_promised_keys(broker: Mosquitto, tmp_path: Path) -> None:
    with listening(broker) as subscriber, running(tmp_path, at(broker)) as pipeline:
        pipeline.frame("sad")
        pipeline.wait_for(lambda: texts(subscriber, "state"), "the state")
        state = json.loads(texts(subscriber, "state")[0])
    assert list(state) == [
        "time", "emotion", "confidence", "faces", "fps", "negative", "share", "camera", "paused",
        "snoozed",
    ]  # fmt: skip
    assert state["negative"] == {"negative": 1}
    assert state["share"] == {"negative": 1.0}


def test_the_stats_have_what_a_frame_costs_and_come_again(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.service.status.STATS_S", 0.5)
    with listening(broker) as subscriber, running(tmp_path, at(broker)) as pipeline:
        pipeline.wait_for(lambda: len(texts(subscriber, "stats")) >= 3, "the third report")
        seen = [json.loads(text) for text in texts(subscriber, "stats")]
        used_mb = int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize() / 2**20
    assert list(seen[0]) == [
        "time", "fps", "cpu_share", "ms", "dropped", "scan_every", "temperature_c", "throttled",
        "rss_mb", "last_frame_s", "waiting",
    ]  # fmt: skip
    assert list(seen[0]["ms"]) == ["capture", "scan", "track", "classify", "log", "publish"]
    assert seen[2]["fps"] > 1
    assert 0 < seen[2]["cpu_share"] < 4
    # The whole process, which is the tests' own here and holds whatever ran in it before.
    assert 0.5 * used_mb < seen[2]["rss_mb"] < 2 * used_mb
    assert (seen[2]["dropped"], seen[2]["waiting"]) == (0, 0)
    assert 0 <= seen[2]["last_frame_s"] < 5


def test_a_camera_that_falls_silent_is_in_the_state_at_once(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with listening(broker) as subscriber, running(tmp_path, at(broker)) as pipeline:

        def told() -> object:
            pipeline.publisher.tell(in_sight(pipeline), ())
            return texts(subscriber, "state")

        wait_for(told, "the first state")
        pipeline.publisher.tell(pipeline.status.silence(time.monotonic(), pipeline.rules), ())
        wait_for(lambda: len(texts(subscriber, "state")) == 2, "the silence")
        pipeline.publisher.tell(in_sight(pipeline), ())
        wait_for(lambda: len(texts(subscriber, "state")) == 3, "the state after it")
        _, silent, back = map(json.loads, texts(subscriber, "state"))
    assert (silent["emotion"], silent["faces"], silent["fps"]) == ("none", 0, 0.0)
    assert (back["emotion"], back["faces"]) == ("sad", 1)


def in_sight(pipeline: Pipeline) -> Snapshot:
    """Return the snapshot of a frame with a sad face."""
    seen = reading("sad", 9.0)
    frame = Frame(GRAY, seen.time, 9.0, time.monotonic())
    return pipeline.status.update(frame, (Face(seen.face, seen.box),), [seen], pipeline.rules)


def test_everything_is_retained_but_alerts(broker: Mosquitto, tmp_path: Path) -> None:
    with running(tmp_path, at(broker)) as pipeline:
        with listening(broker) as subscriber:
            pipeline.frame("sad")
            pipeline.wait_for(lambda: alerts(subscriber), "raised")
        later = retained(broker)
        pipeline.frame("sad")
    assert set(later) == {"availability", "watching", "state", "stats", "alert/negative"}
    assert (later["availability"], later["alert/negative"]) == ("online", "ON")


def test_the_end_leaves_offline_and_no_unfinished_thread(broker: Mosquitto, tmp_path: Path) -> None:
    with running(tmp_path, at(broker)) as pipeline:
        pipeline.wait_for(lambda: pipeline.session, "the connection")
        took_s = pipeline.close()
        assert pipeline.close() < 1, "a second close has nothing to do"
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
        running(tmp_path, at(broker)) as pipeline,
    ):
        pipeline.wait_for(lambda: texts(subscriber, "availability"), "the connection")
        broker.stop()
        pipeline.wait_for(lambda: not pipeline.connection.open.is_set(), "the loss to be noticed")
        (raised,) = pipeline.frame("sad")
        assert list(pipeline.outbox.waiting) == [raised.id]
        broker.start()
        pipeline.wait_for(lambda: alerts(subscriber), "the alert after reconnecting")
        pipeline.wait_for(lambda: not pipeline.outbox.waiting, "the acknowledgement")
        assert [a["id"] for a in alerts(subscriber)] == [raised.id]


@pytest.mark.parametrize("emotions", [("sad",), ()], ids=["raised", "not-raised"])
def test_what_is_retained_is_right_again_after_the_broker_was_killed(
    broker: Mosquitto, tmp_path: Path, emotions: tuple[str, ...]
) -> None:
    with running(tmp_path, at(broker)) as pipeline:
        pipeline.frame(*emotions)
        pipeline.wait_for(lambda: "alert/negative" in retained(broker), "the first connection")
        broker.stop(kill=True)
        pipeline.wait_for(lambda: not pipeline.connection.open.is_set(), "the loss to be noticed")
        broker.start()
        pipeline.wait_for(lambda: len(retained(broker)) == 5, "everything to be there again")
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
        running(tmp_path, at(broker)) as pipeline,
    ):
        pipeline.wait_for(lambda: pipeline.session, "the connection")
        pipeline.wait_for(
            lambda: pipeline.session and not pipeline.session.in_flight, "all acknowledgements"
        )
        pipeline.frame("sad")
        connection = pipeline.connection
        # No turn of the loop between the acknowledgement and the loss.
        wait_for(lambda: connection.acknowledgements and alerts(subscriber), "the acknowledgement")
        broker.stop()
        wait_for(lambda: not connection.open.is_set(), "the loss to be noticed")
        broker.start()
        pipeline.wait_for(
            lambda: pipeline.session and pipeline.session.connection is not connection,
            "the next connection",
        )
        assert not pipeline.outbox.waiting
        pipeline.frame("happy")
        pipeline.wait_for(lambda: len(alerts(subscriber)) >= 2, "cleared")
        assert [a["event_type"] for a in alerts(subscriber)] == ["raised", "cleared"]


@pytest.mark.slow
def test_a_frozen_broker_holds_up_neither_the_loop_nor_the_end(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with running(tmp_path, at(broker)) as pipeline:
        pipeline.wait_for(lambda: pipeline.session, "the connection")
        broker.signal(signal.SIGSTOP)
        try:
            for _ in range(50):
                pipeline.frame("sad")
                pipeline.frame("happy")
            took_s = pipeline.close()
        finally:
            broker.signal(signal.SIGCONT)
    assert pipeline.slowest_s < PROMPT_S
    assert took_s < PROMPT_S
    assert len(pipeline.outbox.waiting) == 100
    # It got no farewell, so it must say by itself that we are gone.
    wait_for(lambda: retained(broker)["availability"] == "offline", "the last will")


@pytest.mark.slow
def test_a_flapping_broker_gets_every_alert_once_and_in_order(
    new_broker: NewBroker, tmp_path: Path
) -> None:
    broker = new_broker(PERSISTENT).start()
    raised: list[str] = []
    with (
        listening(broker, "-c", "-i", "sub") as subscriber,
        running(tmp_path, at(broker)) as pipeline,
    ):
        for turn in range(8):
            pipeline.wait_for(pipeline.connected, "a connection")
            raised += [alert.id for alert in pipeline.frame("sad") + pipeline.frame("happy")]
            broker.stop()  # persistent, but for what it has in hand when it is killed
            raised += [alert.id for alert in pipeline.frame("sad") + pipeline.frame("happy")]
            if turn % 2:
                pipeline.wait_for(lambda: not pipeline.connected(), "the loss")
            broker.start()
        pipeline.wait_for(lambda: not pipeline.outbox.waiting, "the last acknowledgement")
        wait_for(lambda: len({a["id"] for a in alerts(subscriber)}) == 32, "all of them")
        first = list(dict.fromkeys(a["id"] for a in alerts(subscriber)))
        print(f"{len(raised)} alerts, {len(alerts(subscriber)) - 32} came twice")
    assert first == raised


# Alerts of an earlier process


def test_an_alert_that_was_left_raised_and_removed_from_the_configuration_is_cleared(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with listening(broker) as subscriber:
        with running(tmp_path, at(broker)) as pipeline:
            (raised,) = pipeline.frame("sad")
            pipeline.wait_for(lambda: alerts(subscriber), "raised")
        with running(tmp_path, at(broker), AlertConfig("other", ("sad",))) as pipeline:
            pipeline.wait_for(lambda: len(alerts(subscriber)) == 2, "cleared")
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
    with running(tmp_path, at(broker), AlertConfig("other", ("sad",))) as pipeline:
        pipeline.wait_for(lambda: not pipeline.outbox.waiting, "the cleared message to be taken")
        assert retained(broker)["alert/negative"] == "OFF"


def test_a_service_that_sees_no_frame_leaves_an_alert_on_that_is_still_raised(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with outbox.Outbox(tmp_path) as before:
        before.add(alert())
    with running(tmp_path, at(broker)) as pipeline:  # the camera is gone: it ends before any frame
        wait_for(pipeline.connected, "the connection")
    now = retained(broker)
    assert (now["alert/negative"], now["availability"]) == ("ON", "offline")


def fill(directory: Path, count: int) -> None:
    """As if that many alerts had been raised and cleared without a broker."""
    with outbox.Outbox(directory):
        pass
    with sqlite3.connect(directory / outbox.NAME) as database:
        rows = [(f"id-{n}", payload(alert(n))) for n in range(count)]
        database.executemany("INSERT INTO waiting (id, payload) VALUES (?, ?)", rows)


@pytest.mark.slow
def test_ten_thousand_waiting_alerts_arrive_in_order_each_once(
    new_broker: NewBroker, tmp_path: Path
) -> None:
    broker = new_broker("allow_anonymous true\nmax_queued_messages 0\n").start()
    fill(tmp_path, 10_000)
    with listening(broker) as subscriber, running(tmp_path, at(broker)) as pipeline:
        until_s = time.monotonic() + 60
        while pipeline.outbox.waiting and time.monotonic() < until_s:
            pipeline.frame()
        pipeline.wait_for(lambda: len(texts(subscriber, "alert")) >= 10_000, "the last alert")
        assert [a["id"] for a in alerts(subscriber)] == [f"id-{n}" for n in range(10_000)]
    assert pipeline.slowest_s < 1.0
    with outbox.Outbox(tmp_path) as after:
        assert not after.waiting


@pytest.mark.slow
def test_no_more_messages_are_under_way_than_the_broker_takes(
    new_broker: NewBroker, tmp_path: Path
) -> None:
    broker = new_broker("allow_anonymous true\nmax_inflight_messages 2\n").start()
    fill(tmp_path, 300)
    with running(tmp_path, at(broker)) as pipeline:
        pipeline.wait_for(lambda: pipeline.session, "the connection")
        first = pipeline.session
        assert first is not None
        assert first.connection.max_in_flight == 2
        most = 0
        while pipeline.outbox.waiting:
            pipeline.frame()
            most = max(most, len(first.in_flight))
            assert pipeline.session is first, "the broker threw us out"
    assert most == 2
