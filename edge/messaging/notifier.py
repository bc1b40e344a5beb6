"""Sends the outbox's notifications: one thread talks to the services, the loop never waits."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import NamedTuple

from edge.messaging.notification import EXPIRES_S, Clocks, Notification
from edge.messaging.notify import Service
from edge.messaging.outbox import Outbox

#: Shortest and longest delay before a service is tried again; it doubles in between.
_BACKOFF_S = (5.0, 300.0)
#: How long the end waits for what is being sent; the rest is sent after the next start.
_CLOSE_S = 0.5
log = logging.getLogger(__name__)


class _Job(NamedTuple):
    key: str
    service: Service
    title: str
    message: str


class _Trouble(NamedTuple):
    """A service that failed: why, how long it rests now, until when."""

    problem: str
    delay_s: float
    until_s: float


class Notifier:
    """One notification at a time, each service's in order; a context manager.

    What fails stays in the outbox and is tried again, until it has expired. A service that failed
    holds up its own notifications only.
    """

    def __init__(
        self,
        services: Mapping[str, Service],
        outbox: Outbox,
        clocks: Callable[[], Clocks] = Clocks.now,
    ) -> None:
        self._services, self._outbox, self._clocks = services, outbox, clocks
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._answers: deque[str | None] = deque()
        self._sending: tuple[str, str] | None = None
        self._troubles: dict[str, _Trouble] = {}
        self._expired: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="notify", daemon=True)

    def __enter__(self) -> Notifier:
        if self._services:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def work(self, now_s: float) -> None:
        """Take the thread's answer and give it what is due; call it often. Never waits."""
        if self._answers and self._sending:
            key, target = self._sending
            self._sending = None
            self._finish(key, target, self._answers.popleft(), now_s)
        if self._sending or not self._outbox.notifications:
            return
        over = []
        for key, notification in self._outbox.notifications.items():
            target = notification.target
            if target in self._troubles and now_s < self._troubles[target].until_s:
                continue
            service = self._services.get(target)
            clocks = self._clocks()
            if service is None or notification.expired(clocks):
                over.append(key)
                self._log_dropped(notification, service)
                continue
            self._sending = key, target
            self._jobs.put(_Job(key, service, notification.title, notification.text(clocks)))
            break
        self._outbox.remove_notifications(over)

    def close(self) -> None:
        """Wait a moment for what can be sent, then end the thread, even if it hangs."""
        until_s = time.monotonic() + _CLOSE_S
        while self._thread.is_alive() and time.monotonic() < until_s:
            self.work(time.monotonic())
            if self._sending is None:
                break
            time.sleep(0.01)
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._answers.append(job.service.send(job.key, job.title, job.message))

    def _finish(self, key: str, target: str, problem: str | None, now_s: float) -> None:
        before = self._troubles.pop(target, None)
        if problem is None:
            self._outbox.remove_notifications([key])
            self._expired.discard(target)
            if before:
                log.info("notifications of alert %s are sent again", _named(target))
            return
        delay_s = min(before.delay_s * 2, _BACKOFF_S[1]) if before else _BACKOFF_S[0]
        self._troubles[target] = _Trouble(problem, delay_s, now_s + delay_s)
        if before is None or problem != before.problem:
            service = self._services[target]
            log.warning(
                "cannot notify of alert %s by %s: %s; trying again, for %.0f minutes",
                _named(target), service, problem, EXPIRES_S / 60,
            )  # fmt: skip

    def _log_dropped(self, notification: Notification, service: Service | None) -> None:
        """Log why a notification is dropped; once per service until one was sent again."""
        target = notification.target
        if target in self._expired:
            return
        self._expired.add(target)
        why = "is too old to be sent" if service else "is for nobody who is configured now"
        log.error(
            "the notification of alert %s, %s, %s; dropped, as others will be",
            _named(target), notification.happened, why,
        )  # fmt: skip


def _named(target: str) -> str:
    name, _, at = target.rpartition("/")
    return f"'{name}' (notify[{at}])"
