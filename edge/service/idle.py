"""What goes on while there is no frame: the broker, the diary, the watchdog."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from edge.alerts.rules import Rules
from edge.clock import synchronised
from edge.config.pause import Reason
from edge.diary.writer import DiaryWriter
from edge.notes import EventWord
from edge.records import Event, diary_events
from edge.service.alerting import Tell
from edge.service.status import Status
from edge.service.systemd import Notifier


class Idle:
    """Called several times a second while there is no frame; `forget` is for the faces in sight."""

    def __init__(
        self,
        diary: DiaryWriter,
        rules: Rules,
        tell: Tell,
        status: Status,
        notifier: Notifier,
        forget: Callable[[], None],
    ) -> None:
        self._diary, self._rules, self._tell = diary, rules, tell
        self._status, self._notifier, self._forget = status, notifier, forget

    def opening(self) -> None:
        """Go on while the camera is being opened, or its next picture is not overdue yet."""
        self._notifier.opening(time.monotonic())

    def silent(self) -> None:
        """Go on while the camera gives no pictures.

        The watchdog is not fed: that may last.
        """
        now_s = time.monotonic()
        alerts = self._rules.idle(now_s)
        self._diary.write(now_s, diary_events(alerts, clock_ok=synchronised()))
        self._tell(self._status.silence(now_s, self._rules), alerts)

    def paused(
        self,
        reasons: tuple[Reason, ...],
        before: tuple[Reason, ...],
        *,
        media_clock: bool = False,
    ) -> None:
        """Go on while nobody is watched: what was raised runs out, faces are forgotten.

        Without `reasons` the pause is over; `before` are those of the call before. With
        `media_clock` the time of day stands still meanwhile.
        """
        self._forget()
        now_s = time.monotonic()
        now = (self._status.time if media_clock else None) or datetime.now().astimezone()
        alerts = self._rules.pause(now, now_s)
        events = diary_events(alerts, clock_ok=synchronised())
        if bool(reasons) is not bool(before):
            word = EventWord.PAUSED if reasons else EventWord.RESUMED
            events.append(Event(now, word, synchronised()))
        self._diary.write(now_s, events)
        self._tell(self._status.pause(now, now_s, reasons, self._rules), alerts)
        self._notifier.beat(now_s, str(self._status))
