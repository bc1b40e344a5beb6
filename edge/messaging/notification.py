"""Notifications: what a person is told of an alert, and until when it is worth telling. Pure."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from edge.clock import boot_id
from edge.config.actions import NotifyConfig
from edge.config.placeholders import fill
from edge.messaging.actions import values
from edge.records import NO_EMOTION, Alert

#: What is older is not sent: it would look like news.
EXPIRES_S = 3600.0
#: What is sent later than this says so.
_LATE_S = 60.0


class Clocks(NamedTuple):
    """Two clocks: the monotonic one ends with a boot, the wall clock may jump."""

    monotonic_s: float
    wall_s: float
    boot_id: str

    @classmethod
    def now(cls) -> Clocks:
        """Read them."""
        return cls(time.monotonic(), time.time(), boot_id())

    def since_s(self, earlier: Clocks) -> float:
        """Return the seconds since `earlier`; after a reboot, by the wall clock."""
        if self.boot_id == earlier.boot_id:
            return self.monotonic_s - earlier.monotonic_s
        return max(0.0, self.wall_s - earlier.wall_s)


class Notification(NamedTuple):
    """What is to be told, to whom, and when it was asked for; `happened` is for people."""

    target: str
    title: str
    message: str
    happened: str
    asked: Clocks

    def expired(self, now: Clocks) -> bool:
        """Return whether it is too old to be sent."""
        return now.since_s(self.asked) > EXPIRES_S

    def text(self, now: Clocks) -> str:
        """Return the message as it is to be sent now."""
        late = now.since_s(self.asked) > _LATE_S
        return f"{self.message}\nSent late: this was at {self.happened}." if late else self.message

    def encoded(self) -> str:
        """Return it for the database."""
        return json.dumps(self)

    @classmethod
    def decoded(cls, text: str) -> Notification:
        """Return what `encoded` has written; raise `TypeError` or `ValueError`."""
        name, title, message, happened, asked = json.loads(text)
        return cls(name, title, message, happened, Clocks(*asked))


def target(name: str, at: int) -> str:
    """Return the name of the entry `at` of the alert called `name`."""
    return f"{name}/{at}"


def notifications(
    alert: Alert, entries: Iterable[NotifyConfig], device: str, now: Clocks
) -> Iterator[tuple[int, Notification]]:
    """Yield the notifications that follow `alert`, each with its place in `entries`."""
    words = values(alert, device)
    happened = alert.time.strftime("%H:%M:%S on %Y-%m-%d")
    for at, entry in enumerate(entries):
        if entry.on != alert.event_type:
            continue
        title = fill(entry.title, words) or f"{device}: alert {alert.name} {alert.event_type}"
        message = fill(entry.message, words) or _message(alert, happened)
        if alert.test:
            title = f"Test: {title}"
        yield at, Notification(target(alert.name, at), title, message, happened, now)


def _message(alert: Alert, happened: str) -> str:
    latest = "" if alert.emotion == NO_EMOTION else f"the latest {alert.emotion}"
    return ", ".join(filter(None, (alert.reason, latest, f"at {happened}")))
