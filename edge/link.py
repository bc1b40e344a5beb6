"""One MQTT connection, from the first try to its end."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import deque
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt import MQTTException
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from edge.access import Access, why
from edge.errors import first_line

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
            self.problem = why(error)
        except _NONSENSE as error:
            self.problem = f"does not speak MQTT: {first_line(error)}"
        self.open.clear()
        self._hang_up()
        # Else client and link hold each other, and two sockets of its, until a garbage collection:
        # with a broker that is away for days those would be thousands.
        self._client.on_connect = self._client.on_disconnect = self._client.on_publish = None

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
