"""What follows alerts, until it is delivered: messages for other devices, notifications."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from edge.config.actions import AlertReactions
from edge.messaging.actions import Outgoing, messages
from edge.messaging.bounded_queue import BoundedQueue
from edge.messaging.database import Statement, Table
from edge.messaging.notification import Clocks, Notification, notifications
from edge.records import Alert

#: Messages that wait for the broker, and notifications that wait for their service.
_ACTIONS, _NOTIFICATIONS = 10_000, 100


class Reactions:
    """Two queues. A reload changes what follows the `alerts`, not what waits."""

    def __init__(
        self,
        alerts: Iterable[AlertReactions] = (),
        device: str = "",
        clocks: Callable[[], Clocks] = Clocks.now,
    ) -> None:
        self._alerts = {each.name: each for each in alerts}
        self._device, self._clocks = device, clocks
        self.actions = BoundedQueue[Outgoing](
            Table(
                "actions",
                (
                    "number INTEGER PRIMARY KEY", "id TEXT UNIQUE",
                    "topic TEXT", "payload TEXT", "qos INTEGER", "retain INTEGER",
                ),
                encode=tuple,
                decode=_decoded,
            ),
            _ACTIONS,
            "actions",
            "wait for the broker",
            lambda message: message.topic,
        )  # fmt: skip
        self.notifications = BoundedQueue[Notification](
            Table(
                "notifications",
                ("number INTEGER PRIMARY KEY", "id TEXT UNIQUE", "notification TEXT"),
                encode=lambda notification: (notification.encoded(),),
                decode=lambda _, text: Notification.decoded(text),
            ),
            _NOTIFICATIONS,
            "notifications",
            "wait to be sent",
            lambda notification: notification.happened,
        )

    def add_actions(self, alert: Alert) -> Iterator[Statement]:
        """Append the messages that follow `alert`."""
        known = self._alerts.get(alert.name)
        if known:
            for at, message in messages(alert, known.actions, self._device):
                yield from self.actions.add(f"{alert.id}/{at}", message)

    def add_notifications(self, alert: Alert) -> Iterator[Statement]:
        """Append the notifications that follow `alert`."""
        known = self._alerts.get(alert.name)
        if known and known.notify:
            for at, each in notifications(alert, known.notify, self._device, self._clocks()):
                yield from self.notifications.add(f"{alert.id}/{at}", each)


def _decoded(_key: str, topic: str, text: str, qos: int, retain: int) -> Outgoing:
    if qos not in {0, 1}:
        raise ValueError(qos)
    return Outgoing(str(topic), str(text), qos, bool(retain))
