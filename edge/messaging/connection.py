"""One MQTT connection, from the first try to its end."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt import MQTTException
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import first_line
from edge.messaging.credentials import Credentials, why
from edge.messaging.hints import TLS_HINT, with_hint, with_tls_hint
from edge.messaging.received import Received

#: Messages in flight at once; fewer where the broker takes fewer (Receive Maximum of MQTT 5).
MAX_IN_FLIGHT = 20
#: Longest packet that a broker of MQTT 5 may send us, and how many messages wait for the loop.
_RECEIVE_BYTES, _KEPT = 4096, 256
#: The protocol's own limit; a broker may have a lower one.
MAX_PACKET_BYTES = 268_435_455
_CONNACK_S = 3.0
_KEEPALIVE_S = 30
_POLL_S = 0.5
V5, V311 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311
VERSIONS = {V5: "MQTT 5", V311: "MQTT 3.1.1"}
#: What paho raises when the other side does not speak MQTT.
_PROTOCOL_ERRORS = (MQTTException, ValueError, IndexError, KeyError, struct.error)


class Acknowledgement(NamedTuple):
    """The broker's answer to the message with the number `mid`; `refusal` is None for yes."""

    mid: int
    refusal: str | None


class Will(NamedTuple):
    """What the broker publishes, retained, when the connection breaks."""

    topic: str
    text: str


class Connection:
    """One connection to the broker, good for one `run`. `problem` says why it is not open.

    `reads` are the topics to subscribe to, each with its QoS; their messages are in `received`, of
    which the oldest make room.
    `run` works in a thread of its own; everything else is for one other thread.
    """

    def __init__(
        self,
        credentials: Credentials,
        client_id: str,
        will: Will | None,
        version: MQTTProtocolVersion,
        reads: tuple[tuple[str, int], ...] = (),
    ) -> None:
        self._credentials, self.version, self._reads = credentials, version, reads
        self.open = threading.Event()
        self.problem: str | None = None
        self.opened_s: float | None = None
        self.version_refused = self._closing = False
        self.max_in_flight, self.max_packet_bytes = MAX_IN_FLIGHT, MAX_PACKET_BYTES
        self.acknowledgements: deque[Acknowledgement] = deque()
        self.received: deque[Received] = deque(maxlen=_KEPT)
        self._on_open: Callable[[], object] = lambda: None
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=version, reconnect_on_failure=False
        )
        if credentials.username:
            self._client.username_pw_set(credentials.username, credentials.password)
        if credentials.tls:
            self._client.tls_set_context(credentials.tls)
        if will:
            self._client.will_set(will.topic, will.text, qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        # Tells paho that only `run` writes to the socket: otherwise publish() does.
        self._client.on_socket_register_write = lambda *_: None

    def run(self, on_open: Callable[[], object] = lambda: None) -> None:
        """Connect, call `on_open`, and work until the end; `problem` then says why."""
        self._on_open = on_open
        try:
            self._connect()
            self._work()
        except OSError as error:
            self.problem = why(error)
            if self._credentials.tls:
                self.problem = with_tls_hint(self.problem)
        except _PROTOCOL_ERRORS as error:
            self.problem = f"does not speak MQTT: {first_line(error)}"
        self.open.clear()
        self._shut_down()
        # Otherwise client and connection, and two sockets, keep each other until a garbage
        # collection: with a broker that is away for days those would be thousands.
        self._client.on_connect = self._client.on_disconnect = self._client.on_publish = None
        self._client.on_message = None
        self._on_open = lambda: None

    def publish(self, topic: str, text: str, *, retain: bool, qos: int = 1) -> int:
        """Send a message and return its number; never wait.

        QoS 0 is acknowledged when written.
        """
        return self._client.publish(topic, text, qos=qos, retain=retain).mid

    def close(self, *, graceful: bool) -> None:
        """Make `run` return; unless `graceful`, the broker then publishes the last will."""
        self._closing = True
        if graceful:
            self._client.disconnect()
        else:
            self._shut_down()

    def abort(self, problem: str) -> None:
        """Make `run` return because of `problem`; the broker publishes the last will."""
        self.problem = problem
        self._shut_down()

    def _connect(self) -> None:
        properties: Any = None
        if self._reads and self.version is V5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = _RECEIVE_BYTES
        host, port = self._credentials.host, self._credentials.port
        self._client.connect(host, port, _KEEPALIVE_S, properties=properties)

    def _work(self) -> None:
        connack_by_s = time.monotonic() + _CONNACK_S
        result = MQTTErrorCode.MQTT_ERR_SUCCESS
        while result == MQTTErrorCode.MQTT_ERR_SUCCESS and (self.opened_s or not self._closing):
            result = self._client.loop(_POLL_S)
            if self.opened_s is None and self.problem is None and time.monotonic() > connack_by_s:
                # Some brokers that do not know the version stay silent.
                self.version_refused = True
                self.problem = "the broker does not answer"
                return

    def _shut_down(self) -> None:
        connection: Any = self._client.socket()  # plain, or with TLS
        if connection is not None:
            with contextlib.suppress(OSError):  # it may be gone already
                connection.shutdown(socket.SHUT_RDWR)

    def _on_connect(self, *args: Any) -> None:
        reason: ReasonCode = args[3]
        if reason.is_failure:
            self.problem = with_hint(str(reason))
            self.version_refused = reason.getName() == "Unsupported protocol version"
            return
        self.max_in_flight = min(MAX_IN_FLIGHT, getattr(args[4], "ReceiveMaximum", MAX_IN_FLIGHT))
        self.max_packet_bytes = getattr(args[4], "MaximumPacketSize", MAX_PACKET_BYTES)
        self.opened_s = time.monotonic()
        if self._reads:
            self._client.subscribe(list(self._reads))
        self._on_open()
        self.open.set()

    def _on_disconnect(self, *args: Any) -> None:
        self.open.clear()
        if self.problem is not None:
            return
        if self.opened_s is not None:
            reason = str(args[3])
            silent = reason == "Unspecified error"  # paho's name for a broker that just hung up
            self.problem = "connection lost" + ("" if silent else f": {with_hint(reason)}")
        else:
            # A broker that does not know the version may just hang up.
            self.version_refused = True
            self.problem = f"the broker hung up before it answered{TLS_HINT}"

    def _on_publish(self, *args: Any) -> None:
        mid, reason = args[2], args[3]
        failed = isinstance(reason, ReasonCode) and reason.is_failure
        self.acknowledgements.append(Acknowledgement(mid, str(reason) if failed else None))

    def _on_message(self, *args: Any) -> None:
        message: paho.MQTTMessage = args[2]
        self.received.append(Received.of(message.topic, message.payload, retained=message.retain))
