"""One MQTT connection, from the first try to its end; who to connect to, read once."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt import MQTTException
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from edge.config import Mqtt, expanded
from edge.errors import ConfigError, first_line

#: Messages under way at once; fewer where the broker takes fewer (Receive Maximum of MQTT 5).
WINDOW = 20
_ANSWER_S = 3.0
_KEEPALIVE_S = 30
_GLANCE_S = 0.5
V5, V311 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311
VERSIONS = {V5: "MQTT 5", V311: "MQTT 3.1.1"}
_HINTS = {
    "Not authorized": "check mqtt.username and mqtt.password_file",
    "Bad user name or password": "check mqtt.username and mqtt.password_file",
    "Session taken over": "another client has our name; give each its own `device`",
}
#: What paho lets through when the other side does not speak MQTT.
_NONSENSE = (MQTTException, ValueError, IndexError, KeyError, struct.error)


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
        if not config.username:
            raise ConfigError("mqtt.password_file: a password needs mqtt.username")
        path = expanded(config.password_file)
        try:
            password = _password(path)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"mqtt.password_file: {path}: {_reason(error)}") from error
    if config.tls:
        authority = str(expanded(config.tls_ca)) if config.tls_ca else None
        try:
            tls = ssl.create_default_context(cafile=authority)
        except OSError as error:
            raise ConfigError(f"mqtt.tls_ca: {config.tls_ca}: {_reason(error)}") from error
        if authority:
            # Python 3.13 began to refuse authorities without a key usage: what people make at home.
            tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    elif config.tls_ca:
        raise ConfigError("mqtt.tls_ca: is of no use without mqtt.tls = true")
    return Access(config.host, config.port, config.username, password, tls)


def _password(path: Path) -> str:
    """Its first line; a credential of its name that systemd passes to the service wins."""
    passed = Path(os.environ.get("CREDENTIALS_DIRECTORY", os.devnull), path.name)
    found = _first_line(passed) if passed.is_file() else ""
    return found or _first_line(path)  # our unit passes an empty line where there is no file


def _first_line(path: Path) -> str:
    return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")


class Answer(NamedTuple):
    """What the broker says about the message with the number `mid`; `refusal` is None for yes."""

    mid: int
    refusal: str | None


class Link:
    """One connection to the broker, good for one `serve`. `problem` says why it is not open.

    `will` is the topic that gets `offline` when the connection breaks, None for none. `serve` runs
    in a thread of its own; all else is for one other thread.
    """

    def __init__(
        self, to: Access, client_id: str, will: str | None, version: MQTTProtocolVersion
    ) -> None:
        self._to, self.version = to, version
        self.open = threading.Event()
        self.problem: str | None = None
        self.opened_s: float | None = None
        self.version_refused = self._ending = False
        self.window = WINDOW
        self.answers: deque[Answer] = deque()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=version, reconnect_on_failure=False
        )
        if to.username:
            self._client.username_pw_set(to.username, to.password)
        if to.tls:
            self._client.tls_set_context(to.tls)
        if will:
            self._client.will_set(will, "offline", qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        # Tells paho that the socket is ours to write to, in `serve` alone: else publish() does.
        self._client.on_socket_register_write = lambda *_: None

    def serve(self) -> None:
        """Connects and works until the connection ends; `problem` then says why."""
        try:
            self._client.connect(self._to.host, self._to.port, _KEEPALIVE_S)
            self._work()
        except OSError as error:
            self.problem = _reason(error)
        except _NONSENSE as error:
            self.problem = f"does not speak MQTT: {first_line(error)}"
        self.open.clear()
        self._hang_up()

    def publish(self, topic: str, text: str, *, retain: bool) -> int:
        """Hands a message over; its number comes back in `answers`. Never waits."""
        return self._client.publish(topic, text, qos=1, retain=retain).mid

    def end(self, *, farewell: bool) -> None:
        """Makes `serve` return; without `farewell` the broker then publishes the last will."""
        self._ending = True
        if farewell:
            self._client.disconnect()
        else:
            self._hang_up()

    def _work(self) -> None:
        answer_by_s = time.monotonic() + _ANSWER_S
        going = MQTTErrorCode.MQTT_ERR_SUCCESS
        while going == MQTTErrorCode.MQTT_ERR_SUCCESS and (self.opened_s or not self._ending):
            going = self._client.loop(_GLANCE_S)
            if self.opened_s is None and self.problem is None and time.monotonic() > answer_by_s:
                # Some brokers that do not know the version stay silent.
                self.version_refused = True
                self.problem = "the broker does not answer"
                return

    def _hang_up(self) -> None:
        connection: Any = self._client.socket()  # plain, or with TLS
        if connection is not None:
            with contextlib.suppress(OSError):  # it may be gone already
                connection.shutdown(socket.SHUT_RDWR)

    def _on_connect(self, *args: Any) -> None:
        reason: ReasonCode = args[3]
        if reason.is_failure:
            self.problem = _with_hint(str(reason))
            self.version_refused = reason.getName() == "Unsupported protocol version"
            return
        self.window = min(WINDOW, getattr(args[4], "ReceiveMaximum", WINDOW))
        self.opened_s = time.monotonic()
        self.open.set()

    def _on_disconnect(self, *args: Any) -> None:
        self.open.clear()
        if self.problem is not None:
            return
        if self.opened_s is not None:
            reason = str(args[3])
            silent = reason == "Unspecified error"  # paho's word for a broker that just hung up
            self.problem = "connection lost" + ("" if silent else f": {_with_hint(reason)}")
        else:
            # A broker that does not know the version may just hang up.
            self.version_refused = True
            self.problem = "the broker hung up before it answered; is mqtt.tls right for this port?"

    def _on_publish(self, *args: Any) -> None:
        mid, reason = args[2], args[3]
        failed = isinstance(reason, ReasonCode) and reason.is_failure
        self.answers.append(Answer(mid, str(reason) if failed else None))


def _with_hint(reason: str) -> str:
    hint = _HINTS.get(reason)
    return f"{reason}; {hint}" if hint else reason


def _reason(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "no such host"
    return getattr(error, "strerror", None) or first_line(error)
