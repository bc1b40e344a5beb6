"""Alerts, actions, states and availability over MQTT, without ever holding up the loop.

Every connection starts from nothing: what the outbox holds is sent again, and every retained topic
is set again, so a broker that lost its memory is right again.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from edge.alert_state import AlertState
from edge.config.schema import MqttConfig
from edge.messaging import topics
from edge.messaging.announcer import Announcer
from edge.messaging.commands import Command, Inbox
from edge.messaging.connection import Connection
from edge.messaging.connector import STALLED, Connector
from edge.messaging.desired import DesiredTopics
from edge.messaging.discovery import Features
from edge.messaging.outbox import Outbox
from edge.messaging.session import Refusals, Session
from edge.records import Alert, Snapshot

#: How long the end may wait for acknowledgements: of alerts first, then of `offline`.
_ALERTS_S, _OFFLINE_S = 0.9, 1.3
#: Interval between attempts to write to a disk that failed.
_RECOVER_S = 5.0
#: How long Home Assistant has to follow a renamed device before its old topics are emptied.
_FOLLOW_S = 2.0
#: Shortest and longest interval at which the alerts' windows are kept, and its share of the
#: shortest window: after a kill, readings since are missing.
_KEEP_S, _KEEP_SHARE = (5.0, 30.0), 0.25
#: Commands that wait for the loop, which takes them after every frame.
_COMMANDS = 64


class Publisher:
    """Compares what is desired with what the broker has; a context manager.

    `alert_state` returns what the alerts' rules must remember. `features` are announced to Home
    Assistant, if the configuration wants that; None for nothing. `inbox` knows what others may ask
    for; None for nothing. All but the connecting is done in
    `tell`. Raises `ConfigError` where the password or the certificates cannot be read.
    """

    def __init__(
        self,
        config: MqttConfig,
        device: str,
        outbox: Outbox,
        alert_state: Callable[[], AlertState],
        features: Features | None = None,
        inbox: Inbox | None = None,
    ) -> None:
        base = f"{config.prefix}/{device}"
        self._availability = topics.AVAILABILITY.of(base)
        self._alert_topic = topics.ALERT.of(base)
        self._outbox, self._alert_state = outbox, alert_state
        self._announcer = None
        if config.discovery and features:
            self._announcer = Announcer(device, base, features, outbox)
        births = ((topics.BIRTH.of(), topics.BIRTH.qos),) if self._announcer else ()
        reads = births + (inbox.reads if inbox else ())
        self._connector = Connector(config, f"fer-edge-{device}", self._availability, reads)
        self._desired = DesiredTopics(
            base,
            outbox.open_episodes,
            outbox.waiting.values(),
            outbox.topics,
            outbox.device_id if self._announcer else None,
            (*features.counting, *features.others) if features else None,
        )
        self._inbox = inbox
        self.commands: deque[Command] = deque(maxlen=_COMMANDS)
        """What others asked for, for the loop to take."""
        self._refusals = Refusals()
        self._session: Session | None = None
        self._recover_at_s = self._keep_at_s = -math.inf
        self._empty_at_s = math.inf

    def __enter__(self) -> Publisher:
        self._connector.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection, which is still open."""
        return self._session is not None and self._connector.connection.open.is_set()

    def tell(self, snapshot: Snapshot, alerts: Iterable[Alert]) -> None:
        """Send `alerts`, and whatever else is new; call it for every frame. Never waits."""
        now_s = snapshot.monotonic_s
        new = tuple(alerts)
        if new or now_s >= self._keep_at_s:
            self._keep(now_s, new)
        if new:  # retry what was refused first: preserve raised/cleared order
            self._refusals.retry_now()
        self._desired.update(snapshot, len(self._outbox.waiting))
        if self._announcer:
            self._announcer.announce(self._desired)
        if now_s >= self._recover_at_s:
            self._recover_at_s = now_s + _RECOVER_S
            self._outbox.recover()
        self._exchange(now_s)

    def set_limits(self, counts: Mapping[str, int]) -> None:
        """Publish at how many readings alerts are raised now."""
        self._desired.set_limits(counts)

    def close(self) -> None:
        """Publish `offline`; wait at most two seconds for what is not acknowledged yet."""
        if self._connector.stopping:
            return
        self._outbox.keep(self._alert_state())
        start_s = now_s = time.monotonic()
        outbox = self._outbox
        while (outbox.waiting or outbox.actions) and now_s < start_s + _ALERTS_S:
            now_s = self._poll()
        self._connector.stop_reconnecting()
        self._desired.go_offline()
        while not self._offline_answered() and now_s < start_s + _OFFLINE_S:
            now_s = self._poll()
            if not self._connector.connection.open.is_set():
                break
        # Where `offline` did not get through, the last will makes the broker publish it for us.
        self._connector.close(graceful=self._offline_answered())

    def _keep(self, now_s: float, alerts: tuple[Alert, ...]) -> None:
        """Keep `alerts` and what the rules remember after them."""
        state = self._alert_state()
        self._outbox.keep(state, alerts)
        shortest_s = min((rule.window_s for rule in state.rules), default=math.inf)
        self._keep_at_s = now_s + min(max(_KEEP_SHARE * shortest_s, _KEEP_S[0]), _KEEP_S[1])

    def _poll(self) -> float:
        now_s = time.monotonic()
        self._exchange(now_s)
        time.sleep(0.01)
        return now_s

    def _offline_answered(self) -> bool:
        session = self._session
        return session is not None and session.answered(self._availability, "offline")

    def _exchange(self, now_s: float) -> None:
        """Take acknowledgements and send what the broker has not got on this connection."""
        connection = self._connector.connection
        if self._session is not None:  # its last acknowledgements count, even after its end
            self._outbox.remove(self._session.take_acknowledgements(now_s))
        if not connection.open.is_set():
            return
        if self._session is None or self._session.connection is not connection:
            self._session = Session(connection, self._alert_topic, self._refusals)
            self._empty_at_s = now_s + _FOLLOW_S
        if self._session.stalled(now_s):
            connection.abort(STALLED)
            return
        if self._refusals.due(now_s):
            self._session.offer_again()
        if now_s >= self._empty_at_s:
            self._desired.empty_abandoned()
        self._outbox.remember_topics(self._desired.payloads)
        outbox = self._outbox
        self._session.send(self._desired.payloads, outbox.waiting, outbox.actions, now_s)
        self._forget_emptied(self._session)
        self._hear(connection, now_s)
        if self._announcer:
            self._announcer.follow(self._session, self._desired, now_s)

    def _hear(self, connection: Connection, now_s: float) -> None:
        """Take what others have sent."""
        while connection.received:
            message = connection.received.popleft()
            if self._announcer and message.topic == topics.BIRTH.of():
                self._announcer.hear(message, now_s)
            elif self._inbox and (command := self._inbox.hear(message, now_s)):
                self.commands.append(command)

    def _forget_emptied(self, session: Session) -> None:
        """Forget topics of an earlier device name that the broker holds no more."""
        emptied = [t for t in self._desired.abandoned if session.holds(t, "")]
        if emptied:
            self._outbox.forget_topics(emptied)
            self._desired.forget(emptied)
