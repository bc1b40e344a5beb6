"""Whether a broker gives the service what it needs, for `fer-edge check`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from paho.mqtt.enums import MQTTProtocolVersion

from edge.config.schema import Config
from edge.errors import FerEdgeError
from edge.messaging.connection import V5, V311, VERSIONS, Connection, Will
from edge.messaging.credentials import Credentials, read_credentials

#: Longest message: `stats`, and what `state` adds for an alert: thrice its name, of 32 characters.
_MESSAGE_BYTES, _ALERT_BYTES = 1024, 128
TIMEOUT_S = 5.0


class _Attempt(NamedTuple):
    """What one connection showed: `problem` is None if it did all that the service needs."""

    connection: Connection
    problem: str | None


def probe(config: Config) -> str:
    """Test what the service needs, leave nothing behind, and return the result.

    Connects with a last will and a client id like the service's, then publishes and empties a
    retained message with QoS 1 as long as the longest. Raises `FerEdgeError` with the first of
    these that the broker does not do.
    """
    credentials, device = read_credentials(config.mqtt), config.device_name
    topic = f"{config.mqtt.prefix}/{device}/check"
    # As long as the service's, which is to stay connected; no device's name has a dot.
    client_id = f"fer-edge-{device[:-1]}."
    length = _MESSAGE_BYTES + _ALERT_BYTES * len(config.alerts)
    for version in (V5, V311):
        found = _attempt(credentials, client_id, Will(topic, ""), version, length)
        if found.problem is None:
            return f"{credentials}: connection accepted, {VERSIONS[version]}"
        if not found.connection.version_refused:
            break
    problem = found.problem or ""
    if found.connection.opened_s is None:
        if "; check " not in problem:  # one hint is enough
            problem += "; check [mqtt], and that the broker runs"
        if version is V311 and _attempt(credentials, client_id, None, V311, 0).problem is None:
            problem = "refuses a retained last will with QoS 1; the broker must allow it"
    raise FerEdgeError(f"{credentials}: {problem}")


def _attempt(
    credentials: Credentials,
    client_id: str,
    will: Will | None,
    version: MQTTProtocolVersion,
    length: int,
) -> _Attempt:
    """Connect; where there is a will, publish a message of `length` bytes to its topic."""
    connection = Connection(credentials, client_id, will, version)
    thread = threading.Thread(target=connection.run, name="probe", daemon=True)
    thread.start()
    wait_for(lambda: connection.open.is_set() or not thread.is_alive())
    problem = None
    if connection.opened_s is None:
        problem = connection.problem or "no answer"
    elif will:
        problem = _publish(connection, will.topic, length)
    # Where something failed, the will empties the topic.
    connection.close(graceful=problem is None)
    thread.join(1.0)
    return _Attempt(connection, problem)


def _publish(connection: Connection, topic: str, length: int) -> str | None:
    """Publish a retained message and empty it; return what the broker did not do."""
    if connection.max_packet_bytes < length:
        found = connection.max_packet_bytes
        return f"takes packets of at most {found} bytes; the broker must allow {length}"
    for text in ("x" * length, ""):
        connection.publish(topic, text, retain=True)
        wait_for(lambda: connection.acknowledgements or not connection.open.is_set())
        if not connection.acknowledgements:
            if connection.open.is_set():
                return f"does not acknowledge messages with QoS 1 within {TIMEOUT_S:.0f} s"
            return f"hangs up at a retained message of {len(text)} bytes: {connection.problem}"
        refusal = connection.acknowledgements.popleft().refusal
        if refusal:
            return f"refuses {topic}: {refusal}; check its access rules"
    return None


def wait_for(true: Callable[[], object]) -> None:
    """Return as soon as `true()`, at the latest after `TIMEOUT_S`."""
    until_s = time.monotonic() + TIMEOUT_S
    while not true() and time.monotonic() < until_s:
        time.sleep(0.02)
