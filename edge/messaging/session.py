"""Per-connection send state: published, in flight, refused."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from edge.messaging.actions import Outgoing
from edge.messaging.connection import Connection

#: Interval at which refused messages are offered again: the access rules may have changed.
_REFUSED_S = 60.0
#: A broker that has not acknowledged a message by then never will, even if it answers pings.
ACKNOWLEDGE_S = 30.0
#: Of a PUBLISH packet at most: type, remaining length, topic length, number, property length.
_HEADER_BYTES = 1 + 4 + 2 + 2 + 1
log = logging.getLogger(__name__)


class Message(NamedTuple):
    """`id` is that of an alert or an action, None for a retained topic of ours."""

    topic: str
    text: str
    id: str | None = None
    qos: int = 1
    retain: bool = True

    @property
    def key(self) -> str:
        """Deduplication key."""
        return self.id or self.topic


class InFlight(NamedTuple):
    """A message that the broker has not answered yet."""

    message: Message
    sent_s: float


class Refusals:
    """Topics that the broker refuses, over all connections: each reason is logged once."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._retry_at_s = math.inf

    def add(self, topic: str, reason: str, now_s: float) -> None:
        """Record that the broker refuses a topic."""
        if self._reasons.get(topic) != reason:
            log.error("the broker refuses %s: %s", topic, reason)
        self._reasons[topic] = reason
        self._retry_at_s = min(self._retry_at_s, now_s + _REFUSED_S)

    def remove(self, topic: str) -> None:
        """Clear the refusal of a topic."""
        self._reasons.pop(topic, None)

    def retry_now(self) -> None:
        """Do not wait for the interval to end, if anything was refused."""
        if self._reasons:
            self._retry_at_s = -math.inf

    def due(self, now_s: float) -> bool:
        """Return whether to offer refused messages again, once per interval."""
        if now_s < self._retry_at_s:
            return False
        self._retry_at_s = math.inf
        return True


class Session:
    """Sends over one `connection` what was not sent over it yet, and takes acknowledgements."""

    def __init__(self, connection: Connection, alert_topic: str, refusals: Refusals) -> None:
        self.connection = connection
        self.in_flight: dict[int, InFlight] = {}
        self._alert_topic, self._refusals = alert_topic, refusals
        self._published: dict[str, str] = {}
        self._refused: set[str] = set()

    def take_acknowledgements(self, now_s: float) -> list[str]:
        """Return the ids of the alerts and actions that the broker now has."""
        delivered = []
        while self.connection.acknowledgements:
            mid, refusal = self.connection.acknowledgements.popleft()
            message = self.in_flight.pop(mid).message
            if refusal is not None:
                reason = f"{refusal}; check its access rules"
                self._refusals.add(message.topic, reason, now_s)
                self._refused.add(message.key)
                continue
            self._refusals.remove(message.topic)
            if message.id is not None:
                del self._published[message.id]
                delivered.append(message.id)
        return delivered

    def stalled(self, now_s: float) -> bool:
        """Return whether the broker owes an acknowledgement for too long."""
        oldest = next(iter(self.in_flight.values()), None)
        return oldest is not None and now_s - oldest.sent_s >= ACKNOWLEDGE_S

    def send(
        self,
        desired: Mapping[str, str],
        alerts: Mapping[str, str],
        actions: Mapping[str, Outgoing],
        now_s: float,
    ) -> None:
        """Send what is pending, as far as the broker takes it at once."""
        for message in self._pending(desired, alerts, actions):
            if len(self.in_flight) >= self.connection.max_in_flight:
                return
            self._published[message.key] = message.text
            if self._too_long(message):
                limit = self.connection.max_packet_bytes
                self._refusals.add(message.topic, f"it takes at most {limit} bytes", now_s)
                self._refused.add(message.key)
                continue
            mid = self.connection.publish(
                message.topic, message.text, retain=message.retain, qos=message.qos
            )
            self.in_flight[mid] = InFlight(message, now_s)
            self._refused.discard(message.key)

    def offer_again(self) -> None:
        """Make refused messages pending again."""
        for key in self._refused:
            self._published.pop(key, None)
        self._refused.clear()

    def publish_again(self, topic: str) -> None:
        """Make a retained topic pending again."""
        self._published.pop(topic, None)

    def answered(self, topic: str, text: str) -> bool:
        """Return whether the broker took or refused `text` on a retained topic."""
        in_flight = any(each.message.topic == topic for each in self.in_flight.values())
        return self._published.get(topic) == text and not in_flight

    def holds(self, topic: str, text: str) -> bool:
        """Return whether the broker took `text` on a retained topic."""
        return self.answered(topic, text) and topic not in self._refused

    def _too_long(self, message: Message) -> bool:
        """Return whether the broker would hang up, as MQTT 5 prescribes."""
        length = len(message.topic.encode()) + len(message.text.encode()) + _HEADER_BYTES
        return length > self.connection.max_packet_bytes

    def _pending(
        self,
        desired: Mapping[str, str],
        alerts: Mapping[str, str],
        actions: Mapping[str, Outgoing],
    ) -> Iterator[Message]:
        for topic, text in desired.items():
            if self._published.get(topic) != text:
                yield Message(topic, text)
        for alert_id, text in alerts.items():
            if alert_id not in self._published:
                yield Message(self._alert_topic, text, alert_id, retain=False)
        for action_id, (topic, text, qos, retain) in actions.items():
            if action_id not in self._published:
                yield Message(topic, text, action_id, qos, retain)
