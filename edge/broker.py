"""The MQTT side: alerts, states and availability, published without ever holding up the loop.

A thread of its own connects, and connects again. Every connection starts from nothing: what the
outbox holds is sent again, and every retained topic is set anew, so a broker that lost its memory
is right again.
"""

from __future__ import annotations

import json
import logging
import math
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from edge.alarm import Alarm
from edge.config import Mqtt
from edge.errors import ConfigError, Problem, first_line
from edge.outbox import Outbox
from edge.records import Alert
from edge.status import Status

STATE_S = 5.0
ACKNOWLEDGED_S = 2.0
ANSWER_S = 3.0
_BACKOFF_S = (1.0, 60.0)
_KEEPALIVE_S = 30
V5, V311 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311
VERSIONS = {V5: "MQTT 5", V311: "MQTT 3.1.1"}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Access:
    """What it takes to connect, read once: nothing can be missing later."""

    host: str
    port: int
    username: str
    password: str | None
    tls: ssl.SSLContext | None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def access(config: Mqtt) -> Access:
    """Reads the password and the certificates; raises `ConfigError` where they cannot be read."""
    password = tls = None
    if config.password_file:
        path = Path(config.password_file).expanduser()
        try:
            password = path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"mqtt.password_file: {path}: {_reason(error)}") from error
    if config.tls:
        try:
            tls = ssl.create_default_context(cafile=config.tls_ca or None)
        except OSError as error:
            raise ConfigError(f"mqtt.tls_ca: {config.tls_ca}: {_reason(error)}") from error
    return Access(config.host, config.port, config.username, password, tls)


class Link:
    """One connection to the broker, good for one `serve`. `problem` says why it is not open.

    `will` is the topic that gets `offline` when the connection breaks, None for none.
    """

    def __init__(
        self, to: Access, client_id: str, will: str | None, version: MQTTProtocolVersion
    ) -> None:
        self._to, self.version = to, version
        self.open = threading.Event()
        self._answered, self._ended = threading.Event(), threading.Event()
        self.problem: str | None = None
        self.was_open = self.version_refused = False
        self.acknowledged: deque[int] = deque()
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=version, reconnect_on_failure=False
        )
        if to.username:
            self.client.username_pw_set(to.username, to.password)
        if to.tls:
            self.client.tls_set_context(to.tls)
        if will:
            self.client.will_set(will, "offline", qos=1, retain=True)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_publish = self._on_publish

    def serve(self) -> None:
        """Connects and works until the connection ends; `problem` then says why."""
        try:
            self.client.connect(self._to.host, self._to.port, _KEEPALIVE_S)
        except (OSError, ValueError) as error:
            self.problem = _reason(error)
            return
        self.client.loop_start()
        if self._answered.wait(ANSWER_S):
            self._ended.wait()
        else:  # some brokers that do not know the version stay silent
            self.version_refused = True
            self.problem = "the broker does not answer"
            self.client.disconnect()
        self.client.loop_stop()

    def publish(self, topic: str, text: str, *, retain: bool) -> int:
        """Hands a message over; its number comes back in `acknowledged` when the broker has it."""
        return self.client.publish(topic, text, qos=1, retain=retain).mid

    def _on_connect(self, *args: Any) -> None:
        reason: ReasonCode = args[3]
        if reason.is_failure:
            self.problem = str(reason)
            self.version_refused = reason.getName() == "Unsupported protocol version"
        else:
            self.was_open = True
            self.open.set()
        self._answered.set()

    def _on_disconnect(self, *args: Any) -> None:
        reason: ReasonCode = args[3]
        if self.problem is None:
            # A broker that does not know the version may just hang up.
            self.version_refused = not self.was_open
            self.problem = (
                f"connection lost: {reason}"
                if self.was_open
                else "the broker hung up before it answered; is mqtt.tls right for this port?"
            )
        self.open.clear()
        self._ended.set()
        self._answered.set()

    def _on_publish(self, *args: Any) -> None:
        mid, reason = args[2], args[3]
        if isinstance(reason, ReasonCode) and reason.is_failure:
            log.error("the broker refuses what we publish: %s; check its access rules", reason)
        else:
            self.acknowledged.append(mid)


class Broker:
    """Tells the broker what happened; a context manager. All but the connecting is done in `tell`.

    Raises `ConfigError` where the password or the certificates cannot be read.
    """

    def __init__(self, config: Mqtt, device: str, outbox: Outbox) -> None:
        self._access, self._outbox = access(config), outbox
        self._client_id = f"fer-edge-{device}"
        self._base = f"{config.prefix}/{device}"
        self._link = self._new_link(V5)
        self._greeted: Link | None = None
        self._sent: dict[int, str] = {}
        self._retained: dict[str, str] = {}
        self._wanted = {"availability": "online"}
        self._state_at_s = -math.inf
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
        for name, raised in alarm.raised().items():
            self._wanted[f"alert/{name}"] = "ON" if raised else "OFF"
        if now_s >= self._state_at_s:
            self._state_at_s = now_s + STATE_S
            state = status.state() | {"negative": alarm.negative()}
            self._wanted["state"] = json.dumps(state)
        self._exchange()

    def close(self) -> None:
        """Says `offline`; waits at most two seconds for what is not acknowledged yet."""
        until = time.monotonic() + ACKNOWLEDGED_S
        while self._outbox.waiting and time.monotonic() < until:
            self._exchange()
            time.sleep(0.01)
        self._closing.set()
        link = self._link
        if link.open.is_set():
            last = link.publish(f"{self._base}/availability", "offline", retain=True)
            while last not in tuple(link.acknowledged) and time.monotonic() < until:
                time.sleep(0.01)
            link.client.disconnect()
        if self._thread.is_alive():
            self._thread.join(0.5)

    def _exchange(self) -> None:
        """Takes in acknowledgements and sends what the broker has not got on this connection."""
        link = self._link
        if not link.open.is_set():
            return
        if link is not self._greeted:
            self._greeted, self._sent, self._retained = link, {}, {}
            log.info("connected to the broker at %s, %s", self._access, VERSIONS[link.version])
        while link.acknowledged:
            self._outbox.remove(self._sent.pop(link.acknowledged.popleft(), ""))
        for topic, text in self._wanted.items():
            if self._retained.get(topic) != text:
                self._retained[topic] = text
                link.publish(f"{self._base}/{topic}", text, retain=True)
        under_way = set(self._sent.values())
        for alert_id, text in self._outbox.waiting.items():
            if alert_id not in under_way:
                self._sent[link.publish(f"{self._base}/alert", text, retain=False)] = alert_id

    def _new_link(self, version: MQTTProtocolVersion) -> Link:
        return Link(self._access, self._client_id, f"{self._base}/availability", version)

    def _connect(self) -> None:
        """The thread: one link after the other, until closing."""
        said, delay_s = None, _BACKOFF_S[0]
        while True:
            link = self._link
            link.serve()
            if self._closing.is_set():
                return
            if link.was_open:
                said, delay_s = None, _BACKOFF_S[0]
            if link.problem != said and not (link.version_refused and link.version is V5):
                said = link.problem
                log.warning("broker %s: %s; trying again, the diary goes on", self._access, said)
            if link.version_refused and link.version is V5:
                self._link = self._new_link(V311)
                continue
            if self._closing.wait(delay_s):
                return
            delay_s = min(delay_s * 2, _BACKOFF_S[1])
            self._link = self._new_link(V5 if link.version_refused else link.version)


def probe(config: Mqtt, device: str, timeout_s: float = 5.0) -> str:
    """Connects once, as `check` does, and says what it found; raises `Problem` if it cannot."""
    to = access(config)
    for version in (V5, V311):
        link = Link(to, f"fer-edge-{device}-check", None, version)
        thread = threading.Thread(target=link.serve, name="probe", daemon=True)
        thread.start()
        until = time.monotonic() + timeout_s
        while thread.is_alive() and not link.was_open and time.monotonic() < until:
            link.open.wait(0.05)
        if link.was_open:
            link.client.disconnect()
            return f"{to}: accepts us, {VERSIONS[version]}"
        if not link.version_refused:
            break
    raise Problem(f"{to}: {link.problem or 'no answer'}; check [mqtt], and that the broker runs")


def _reason(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "no such host"
    return getattr(error, "strerror", None) or first_line(error)
