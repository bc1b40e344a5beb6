"""Send a test alert and what follows it at once, over a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from edge.config.actions import AlertReactions
from edge.config.schema import Config
from edge.errors import FerEdgeError
from edge.messaging import topics
from edge.messaging.actions import Outgoing, messages
from edge.messaging.alert_queue import payload
from edge.messaging.connection import V5, V311, Connection
from edge.messaging.credentials import read_credentials
from edge.messaging.notification import Clocks, notifications, target
from edge.messaging.notify import open_services
from edge.messaging.probe import TIMEOUT_S, wait_for
from edge.records import Alert, AlertEvent


class Sent(NamedTuple):
    """What was sent to whom, and what failed, None for success."""

    event: AlertEvent
    to: str
    text: str
    problem: str | None


class Trial:
    """Sends alerts; `raised` are the names of those that are really raised now."""

    def __init__(self, config: Config, connection: Connection | None, raised: set[str]) -> None:
        self._connection, self._raised = connection, raised
        self._device = config.device_name
        self._base = f"{config.mqtt.prefix}/{self._device}"
        self._reactions = {each.name: each for each in config.reactions}
        self._services = open_services(config.reactions)

    def send(self, alert: Alert) -> Iterator[Sent]:
        """Send `alert` and what follows it; yield each as soon as it is answered."""
        follows = self._reactions[alert.name]
        if self._connection:
            for message in self._messages(alert, follows):
                problem = _published(self._connection, message)
                yield Sent(alert.event_type, message.topic, message.text, problem)
        for at, notification in notifications(alert, follows.notify, self._device, Clocks.now()):
            service = self._services[target(alert.name, at)]
            problem = service.send(alert.id, notification.title, notification.message)
            yield Sent(alert.event_type, str(service), notification.title, problem)

    def _messages(self, alert: Alert, follows: AlertReactions) -> Iterator[Outgoing]:
        yield Outgoing(topics.ALERT.of(self._base), payload(alert), 1, False)
        on = alert.event_type is AlertEvent.RAISED or alert.name in self._raised
        state = topics.ALERT_STATE.of(self._base, alert.name)
        yield Outgoing(state, "ON" if on else "OFF", 1, True)
        for _, message in messages(alert, follows.actions, self._device):
            yield message


@contextmanager
def connected(config: Config) -> Iterator[Connection]:
    """Yield an open connection to the broker; raise `FerEdgeError` without one.

    It has no last will, and a client id like the service's, which is to stay connected: no device's
    name has a tilde.
    """
    credentials = read_credentials(config.mqtt)
    for version in (V5, V311):
        connection = Connection(credentials, f"fer-edge-{config.device_name[:-1]}~", None, version)
        thread = threading.Thread(target=connection.run, name="trial", daemon=True)
        thread.start()
        wait_for(lambda: connection.open.is_set() or not thread.is_alive())  # noqa: B023
        if connection.open.is_set():
            try:
                yield connection
            finally:
                connection.close(graceful=True)
                thread.join(1.0)
            return
        connection.close(graceful=False)
        if not connection.version_refused:
            break
    problem = connection.problem or "no answer"
    raise FerEdgeError(f"{credentials}: {problem}; fer-edge check says more")


def _published(connection: Connection, message: Outgoing) -> str | None:
    """Publish `message`; return what the broker did not do."""
    connection.publish(message.topic, message.text, retain=message.retain, qos=message.qos)
    wait_for(lambda: connection.acknowledgements or not connection.open.is_set())
    if not connection.acknowledgements:
        return connection.problem or f"no acknowledgement within {TIMEOUT_S:.0f} s"
    refusal = connection.acknowledgements.popleft().refusal
    return f"{refusal}; check the broker's access rules" if refusal else None
