"""Announces this device to Home Assistant, when it starts and whenever Home Assistant does."""

from __future__ import annotations

from edge.messaging import topics
from edge.messaging.birth import Births
from edge.messaging.desired import DesiredTopics
from edge.messaging.discovery import Device, Features, components, payload
from edge.messaging.outbox import Outbox
from edge.messaging.received import Received
from edge.messaging.session import Session


class Announcer:
    """The announcement of the device called `name`, whose topics begin with `base`."""

    def __init__(self, name: str, base: str, features: Features, outbox: Outbox) -> None:
        self._name, self._base, self._features, self._outbox = name, base, features, outbox
        self._births = Births()
        self._topic = self._text = ""
        self._remembered = False

    def announce(self, desired: DesiredTopics) -> None:
        """Add the announcement to what is desired, once, when the id can be kept."""
        device_id = self._outbox.device_id
        if self._topic or device_id is None:
            return
        self._topic, self._remembered = topics.DISCOVERY.of(device_id=device_id), False
        device = Device(device_id, self._name, self._base)
        found = components(device, self._features)
        self._platforms = {key: str(component["p"]) for key, component in found.items()}
        self._text = payload(device, found, self._outbox.announced)
        desired.announce(self._topic, self._text)

    def hear(self, message: Received, now_s: float) -> None:
        """Take a message on the topic of births."""
        self._births.hear(message, now_s)

    def follow(self, session: Session, desired: DesiredTopics, now_s: float) -> None:
        """Remember what the broker has; announce again when Home Assistant has started."""
        if not self._topic:
            return
        if not self._remembered and session.holds(self._topic, self._text):
            self._outbox.remember_announced(self._platforms)
            self._remembered = True
        if self._births.due(now_s):
            session.publish_again(self._topic)
            self._topic = ""
            self.announce(desired)  # without what the one before removed
