"""What a message on Home Assistant's status topic can do: little, and not often."""

from __future__ import annotations

import pytest

from edge.messaging.birth import Births
from edge.messaging.received import Received
from tests.support.mqtt import Said

ONLINE = Received("homeassistant/status", b"online", retained=False)


def test_a_birth_is_due_once_and_after_its_delay() -> None:
    births = Births(lambda: 3.0)
    assert not births.due(100.0)
    births.hear(ONLINE, 100.0)
    assert not births.due(102.9)
    assert births.due(103.0)
    assert not births.due(1000.0)


def test_devices_do_not_answer_all_at_once() -> None:
    """Of a hundred, each within five seconds."""
    answered = []
    for _ in range(100):
        births = Births()
        births.hear(ONLINE, 0.0)
        answered.append(next(at for at in range(51) if births.due(at / 10)))
    assert max(answered) - min(answered) > 25


@pytest.mark.parametrize(
    "message",
    [
        ONLINE._replace(retained=True),
        ONLINE._replace(payload=b"offline"),
        ONLINE._replace(payload=b"Online"),
        ONLINE._replace(payload=b""),
        ONLINE._replace(payload=b"\xff" * 32),
        ONLINE._replace(topic="homeassistant/status/other"),
    ],
)
def test_anything_else_does_nothing(message: Received) -> None:
    births = Births(lambda: 0.0)
    births.hear(message, 0.0)
    assert not births.due(1e9)


def test_nonsense_is_logged_once(said: Said) -> None:
    births = Births(lambda: 0.0)
    for text in (b"offline", b"rm -rf /", b"\xff\xfe"):
        births.hear(ONLINE._replace(payload=text), 0.0)
    assert said() == ["homeassistant/status: b'rm -rf /' is neither online nor offline"]


def test_a_flood_of_births_is_answered_every_ten_seconds() -> None:
    births = Births(lambda: 0.0)
    answers = 0
    for at in range(1000):
        births.hear(ONLINE, at / 10)
        answers += births.due(at / 10)
    assert answers == 10
