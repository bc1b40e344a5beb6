"""The MQTT side: alerts, states and availability, published without ever holding up the loop.

A thread of its own connects, and connects again. Every connection starts from nothing: what the
outbox holds is sent again, and every retained topic is set anew, so a broker that lost its memory
is right again.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import threading
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from paho.mqtt.enums import MQTTProtocolVersion

from edge.access import access
from edge.alarm import Alarm
from edge.config import Mqtt
from edge.errors import ConfigError
from edge.link import V5, V311, VERSIONS, Link
from edge.outbox import Outbox
from edge.records import Alert
from edge.status import Status

STATE_S, STATS_S = 5.0, 30.0
#: How long the end may wait for acknowledgements: of alerts first, then of `offline`.
_ALERTS_S, _OFFLINE_S = 0.9, 1.3
#: What the broker has refused is offered again so often: its access rules may have changed.
_REFUSED_S = 60.0
_BACKOFF_S = (1.0, 60.0)
#: A connection that ends sooner, and as the last one did, is not worth another line in the log.
_STABLE_S = 120.0
#: After so many of them, what is most often behind it is said.
_UNSTABLE = 5
_NAMESAKE = "the connection breaks again and again; is there another device called %s?"
_AVAILABILITY, _ALERT = "availability", "alert"
log = logging.getLogger(__name__)


class _Message(NamedTuple):
    """`alert_id` is None for a retained topic."""

    topic: str
    text: str
    alert_id: str | None = None


class Broker:
    """Tells the broker what happened; a context manager. All but the connecting is done in `tell`.

    Raises `ConfigError` where the password or the certificates cannot be read.
    """

    def __init__(self, config: Mqtt, device: str, outbox: Outbox) -> None:
        self._config, self._access, self._outbox = config, access(config), outbox
        self._client_id = f"fer-edge-{device}"
        self._base = f"{config.prefix}/{device}"
        self._wanted = {_AVAILABILITY: "online"}
        going_on = {episode.name for episode in outbox.left_over}
        for text in outbox.waiting.values():
            # Of an alert that is gone from the configuration nobody else says that it is over.
            name = json.loads(text)["name"]
            self._wanted[f"{_ALERT}/{name}"] = "ON" if name in going_on else "OFF"
        self._link = self._new_link(V5)
        # Of the connection in `_greeted`: what it was given, what it has not answered, and refused.
        self._greeted: Link | None = None
        self._given: dict[str, str] = {}
        self._under_way: dict[int, _Message] = {}
        self._refused: dict[str, str] = {}
        self._state_at_s = self._stats_at_s = -math.inf
        self._silent, self._refused_at_s = False, math.inf
        self._announce = True
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._connect, name="broker", daemon=True)

    def __enter__(self) -> Broker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def tell(self, now_s: float, alerts: Iterable[Alert], alarm: Alarm, status: Status) -> None:
        """Sends `alerts`, and whatever else is new; call it for every frame. Never waits."""
        for alert in alerts:
            self._outbox.add(alert)
            if self._refused:  # those before it go first: who hears `cleared` heard `raised`
                self._refused_at_s = now_s
        for name, raised in alarm.raised().items():
            self._wanted[f"{_ALERT}/{name}"] = "ON" if raised else "OFF"
        if now_s >= self._state_at_s or status.silent != self._silent:
            self._state_at_s, self._silent = now_s + STATE_S, status.silent
            state = status.state() | {"negative": alarm.negative()}
            self._wanted["state"] = json.dumps(state)
            self._outbox.mend()
        if now_s >= self._stats_at_s:
            self._stats_at_s = now_s + STATS_S
            self._wanted["stats"] = json.dumps(status.stats())
        if now_s >= self._refused_at_s:
            self._offer_again()
        self._exchange()

    def close(self) -> None:
        """Says `offline`; waits at most two seconds for what is not acknowledged yet."""
        if self._closing.is_set():
            return
        start_s = time.monotonic()
        while self._outbox.waiting and time.monotonic() < start_s + _ALERTS_S:
            self._exchange()
            time.sleep(0.01)
        self._closing.set()
        self._wanted[_AVAILABILITY] = "offline"
        while not self._farewell_taken() and time.monotonic() < start_s + _OFFLINE_S:
            self._exchange()
            if not self._link.open.is_set():
                break
            time.sleep(0.01)
        # Where `offline` did not get through, an unfriendly end makes the broker say it for us.
        self._link.end(farewell=self._farewell_taken())
        if self._thread.is_alive():
            self._thread.join(0.3)

    def _farewell_taken(self) -> bool:
        under_way = any(message.topic == _AVAILABILITY for message in self._under_way.values())
        return self._given.get(_AVAILABILITY) == "offline" and not under_way

    def _exchange(self) -> None:
        """Takes in acknowledgements and sends what the broker has not got on this connection."""
        link = self._link
        if self._greeted is not None:  # its last answers count, even if it has ended since
            self._take_answers(self._greeted)
        if not link.open.is_set():
            return
        if link is not self._greeted:
            self._greeted, self._given, self._under_way = link, {}, {}
            if self._announce:
                log.info("connected to the broker at %s, %s", self._access, VERSIONS[link.version])
                self._announce = False
        for message in self._news():
            if len(self._under_way) >= link.window:
                return
            retain = message.alert_id is None
            mid = link.publish(f"{self._base}/{message.topic}", message.text, retain=retain)
            self._under_way[mid] = message
            self._given[message.alert_id or message.topic] = message.text

    def _news(self) -> Iterator[_Message]:
        for topic, text in self._wanted.items():
            if self._given.get(topic) != text:
                yield _Message(topic, text)
        for alert_id, text in self._outbox.waiting.items():
            if alert_id not in self._given:
                yield _Message(_ALERT, text, alert_id)

    def _take_answers(self, link: Link) -> None:
        acknowledged = []
        while link.answers:
            mid, refusal = link.answers.popleft()
            topic, _, alert_id = self._under_way.pop(mid)
            if refusal is not None:
                self._say_refused(topic, refusal)
                continue
            self._refused.pop(topic, None)
            if alert_id is not None:
                del self._given[alert_id]
                acknowledged.append(alert_id)
        self._outbox.remove(acknowledged)

    def _say_refused(self, topic: str, refusal: str) -> None:
        if self._refused.get(topic) != refusal:
            name = f"{self._base}/{topic}"
            log.error("the broker refuses %s: %s; check its access rules", name, refusal)
        self._refused[topic] = refusal
        if self._refused_at_s == math.inf:
            self._refused_at_s = time.monotonic() + _REFUSED_S

    def _offer_again(self) -> None:
        """Forgets that refused messages were given: they are news again."""
        self._refused_at_s = math.inf
        under_way = {message.alert_id or message.topic for message in self._under_way.values()}
        kept = under_way | (self._wanted.keys() - self._refused.keys())
        self._given = {key: text for key, text in self._given.items() if key in kept}

    def _new_link(self, version: MQTTProtocolVersion) -> Link:
        return Link(self._access, self._client_id, f"{self._base}/{_AVAILABILITY}", version)

    def _renew(self) -> None:
        """Reads password and certificates anew: somebody may have changed them since."""
        with contextlib.suppress(ConfigError):  # those that were there at the start will do
            self._access = access(self._config)

    def _connect(self) -> None:
        """The thread: one link after the other, until closing."""
        said, delay_s, repeated = None, _BACKOFF_S[0], 0
        while not self._closing.is_set():
            link = self._link
            link.serve()
            if self._closing.is_set():
                return
            if link.version_refused and link.version is V5:
                self._link = self._new_link(V311)
                continue
            lasted_s = 0.0 if link.opened_s is None else time.monotonic() - link.opened_s
            if link.problem != said or lasted_s > _STABLE_S:
                said, self._announce, repeated = link.problem, True, 0
                log.warning("broker %s: %s; trying again, the diary goes on", self._access, said)
                if link.opened_s is not None:
                    delay_s = _BACKOFF_S[0]
            elif link.opened_s is not None:
                repeated += 1
                if repeated == _UNSTABLE:
                    log.warning("broker %s: %s", self._access, _NAMESAKE % self._client_id)
            self._closing.wait(delay_s)
            delay_s = min(delay_s * 2, _BACKOFF_S[1])
            self._renew()
            # Always the newer version first: one that hung up may only have been starting.
            self._link = self._new_link(V5)
