"""What others may ask of this device over MQTT: five kinds of commands, and nothing else.

Every message is hostile until it is one of a few exact payloads on a topic that was subscribed to.
It becomes a record, or changes nothing. Pure: knows no network, and opens no file.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from edge.messaging import topics
from edge.messaging.received import Received

#: What a button of Home Assistant sends; nothing at all means the same.
_PRESS = {b"", b"PRESS"}
SNOOZE_S = 3600
#: The longest snooze, a day.
_LONGEST_SNOOZE_S = 86_400
_NUMBER = re.compile(rb"[0-9]{1,7}")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SetWatching:
    """Pause, or end a pause over MQTT."""

    on: bool


@dataclass(frozen=True)
class RestartCamera:
    """Close the camera and open it again."""


@dataclass(frozen=True)
class RaiseTest:
    """Raise an alert as a test."""

    name: str


@dataclass(frozen=True)
class Snooze:
    """Silence an alert; 0 ends that."""

    name: str
    seconds: int


@dataclass(frozen=True)
class SetLimit:
    """Raise an alert at this many readings instead of the configured `count`."""

    name: str
    count: int


Command: TypeAlias = SetWatching | RestartCamera | RaiseTest | Snooze | SetLimit
_Meaning: TypeAlias = Callable[[bytes], Command | None]


class Rate(NamedTuple):
    """At most `burst` at once, then one every `interval_s` seconds."""

    burst: int
    interval_s: float


_USUAL, _CAMERA = Rate(5, 1.0), Rate(1, 10.0)


class Inbox:
    """The commands of the device at `base`, about these alerts.

    `most` are the alerts whose limit can be set, each with the highest.
    """

    def __init__(self, base: str, alerts: Iterable[str], most: Mapping[str, int]) -> None:
        self._meanings: dict[str, _Meaning] = {
            topics.WATCHING_SET.of(base): _watching,
            topics.CAMERA_RESTART.of(base): lambda payload: _pressed(payload, RestartCamera()),
        }
        for name in alerts:
            self._meanings |= _about_alert(base, name, most.get(name))
        self._rates = {topics.CAMERA_RESTART.of(base): _CAMERA}
        self._spent: dict[str, tuple[float, float]] = {}
        self._logged: set[tuple[str, str]] = set()

    @property
    def reads(self) -> tuple[tuple[str, int], ...]:
        """The topics to subscribe to, none with a wildcard, and their QoS."""
        return tuple((topic, topics.WATCHING_SET.qos) for topic in self._meanings)

    def hear(self, message: Received, now_s: float) -> Command | None:
        """Return the command in a message; None where there is none, logged once."""
        meaning = self._meanings.get(message.topic)
        if meaning is None:
            self._log("", f"{message.topic[:100]!r}: nobody asked for this topic")
            return None
        if message.retained:
            self._log(message.topic, "a command must not be retained", "retained")
            return None
        command = meaning(message.payload)
        if command is None:
            self._log(message.topic, f"{message.payload!r} is not a command there")
        elif not self._allowed(message.topic, now_s):
            self._log(message.topic, "too many commands; ignoring some", "too many")
            return None
        return command

    def _allowed(self, topic: str, now_s: float) -> bool:
        """Spend one of the topic's commands, unless there is none left."""
        rate = self._rates.get(topic, _USUAL)
        spent, at_s = self._spent.get(topic, (0.0, -math.inf))
        spent = max(0.0, spent - (now_s - at_s) / rate.interval_s)
        if spent + 1 > rate.burst:
            return False
        self._spent[topic] = spent + 1, now_s
        return True

    def _log(self, topic: str, why: str, kind: str = "malformed") -> None:
        """Log what is wrong with a topic's messages, once: there may be thousands."""
        if (topic, kind) not in self._logged:
            self._logged.add((topic, kind))
            log.warning("%s", f"{topic}: {why}" if topic else why)


def _about_alert(base: str, name: str, most: int | None) -> dict[str, _Meaning]:
    meanings: dict[str, _Meaning] = {
        topics.ALERT_TEST.of(base, name): lambda payload: _pressed(payload, RaiseTest(name)),
        topics.ALERT_SNOOZE.of(base, name): lambda payload: _snooze(payload, name),
    }
    if most is not None:
        limit = topics.ALERT_LIMIT_SET.of(base, name)
        meanings[limit] = lambda payload: _limit(payload, name, most)
    return meanings


def _watching(payload: bytes) -> Command | None:
    return SetWatching(payload == b"ON") if payload in {b"ON", b"OFF"} else None


def _pressed(payload: bytes, command: Command) -> Command | None:
    return command if payload in _PRESS else None


def _snooze(payload: bytes, name: str) -> Command | None:
    seconds = SNOOZE_S if payload in _PRESS else _number(payload)
    return None if seconds is None or seconds > _LONGEST_SNOOZE_S else Snooze(name, seconds)


def _limit(payload: bytes, name: str, most: int) -> Command | None:
    count = _number(payload)
    return SetLimit(name, count) if count is not None and 1 <= count <= most else None


def _number(payload: bytes) -> int | None:
    return int(payload) if _NUMBER.fullmatch(payload) else None
