"""A broker that stops acknowledging, though its connection is alive."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config.schema import MqttConfig
from edge.records import Frame
from tests.conftest import Mosquitto, wait_for
from tests.support.mqtt import Said, alerts, listening
from tests.support.mqtt_proxy import PUBACK, proxy
from tests.support.pipeline import GRAY, Pipeline, reading, running
from tests.support.service import PROMPT_S


def tell_at(pipeline: Pipeline, now_s: float) -> None:
    """Run the publisher as at a later moment of the monotonic clock."""
    frame = Frame(GRAY, reading("happy", 0.0).time, now_s, now_s)
    pipeline.publisher.tell(pipeline.status.update(frame, (), (), pipeline.rules), ())


def test_a_broker_that_answers_pings_but_acknowledges_nothing_is_dropped_after_30_seconds(
    broker: Mosquitto, tmp_path: Path, said: Said
) -> None:
    with (
        proxy(broker.port) as between,
        listening(broker) as subscriber,
        running(tmp_path, MqttConfig("127.0.0.1", between.port)) as pipeline,
    ):
        pipeline.wait_for(
            lambda: pipeline.session and not pipeline.session.in_flight, "all acknowledgements"
        )
        between.held_back.add(PUBACK)
        first = pipeline.connection
        raised = [a.id for _ in range(30) for a in (*pipeline.frame("sad"), *pipeline.frame())]
        assert len(raised) == 60
        assert pipeline.session is not None
        sent_s = next(iter(pipeline.session.in_flight.values())).sent_s
        tell_at(pipeline, sent_s + 29.9)
        assert first.open.is_set()
        between.held_back.clear()
        tell_at(pipeline, sent_s + 30.1)
        pipeline.wait_for(lambda: not pipeline.outbox.waiting, "all of them to be acknowledged")
        assert pipeline.connection is not first
        wait_for(lambda: len({a["id"] for a in alerts(subscriber)}) == 60, "all of them")
        assert list(dict.fromkeys(a["id"] for a in alerts(subscriber))) == raised
    assert between.connections == 2
    (line,) = said("trying again")
    assert "no acknowledgement for 30 s" in line
    assert not said("another device")


@pytest.mark.slow
def test_a_broker_that_never_acknowledges_again_is_said_once_and_tried_for_ever(
    broker: Mosquitto, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.messaging.session.ACKNOWLEDGE_S", 0.1)
    with (
        proxy(broker.port) as between,
        running(tmp_path, MqttConfig("127.0.0.1", between.port)) as pipeline,
    ):
        between.held_back.add(PUBACK)
        (raised,) = pipeline.frame("sad")
        pipeline.wait_for(lambda: between.connections >= 8, "eight tries")
        assert list(pipeline.outbox.waiting) == [raised.id]
        assert pipeline.close() < PROMPT_S
    assert len(said("no acknowledgement")) == 1
    assert not said("another device")
