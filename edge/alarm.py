"""The rule that turns readings into alerts. Pure: time comes with the readings."""

from __future__ import annotations

import math
import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from edge.config import BLIND, AlertRule
from edge.records import Alert, AlertEvent, Frame, Reading


class Episode(NamedTuple):
    """An alert that was raised and not yet cleared; `face` is None unless the rule is per face."""

    name: str
    face: int | None
    id: str
    emotions: tuple[str, ...]
    window_s: float


@dataclass(slots=True)
class _Count:
    """One alert's readings of one face, or of all."""

    times_s: deque[float] = field(default_factory=deque)
    episode: str | None = None
    quiet_until_s: float = -math.inf


class Alarm:
    """Counts negative readings, for each rule in a sliding window.

    A rule is raised when its window holds `count` readings of its emotions with at least
    `min_confidence`, and cleared when `clear_count` or fewer are left; in between it stays as it
    is. For `cooldown_s` after it was cleared it is not raised. With `per_face` each face has its
    own window; a face that stays away empties it.

    The alert `blind` is raised after `blind_after_s` without any reading, where that is not 0, and
    cleared by the next one: the lens may be covered, the room dark, the camera turned away.

    `rules` must be resolved (`edge.config.resolve`). `left_over` are episodes that an earlier
    process did not end: they count as raised, with an empty window, and so end at the first frame;
    `blind` as ever with the first reading.
    """

    def __init__(
        self,
        rules: Iterable[AlertRule],
        left_over: Iterable[Episode] = (),
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
        blind_after_s: float = 0.0,
    ) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._new_id = new_id
        self._counts: dict[tuple[str, int | None], _Count] = {}
        self._seen_s: float | None = None
        self._blind = AlertRule(BLIND, window_s=blind_after_s) if blind_after_s else None
        self._blindness = _Count()
        for episode in left_over:
            if self._blind and episode.name == BLIND:
                self._blindness.episode = episode.id
                continue
            # A rule that is gone from the configuration ends its episode, and counts no more.
            gone = AlertRule(
                name=episode.name,
                emotions=episode.emotions,
                window_s=episode.window_s,
                clear_count=0,
                min_confidence=math.inf,
            )
            self._rules.setdefault(episode.name, gone)
            self._counts[episode.name, episode.face] = _Count(episode=episode.id)

    def update(self, frame: Frame, readings: Collection[Reading]) -> tuple[Alert, ...]:
        """The alerts raised and cleared by this frame's `readings`; call it for every frame."""
        for reading in readings:
            for rule in self._rules.values():
                if reading.emotion in rule.emotions and reading.confidence >= rule.min_confidence:
                    face = reading.face if rule.per_face else None
                    count = self._counts.setdefault((rule.name, face), _Count())
                    count.times_s.append(frame.source_s)
        alerts = [
            alert
            for (name, face), count in self._counts.items()
            for alert in self._judge(self._rules[name], face, count, frame)
        ]
        if self._blind:
            alerts += self._judge_sight(self._blind, frame, seen=bool(readings))
        self._counts = {
            key: count
            for key, count in self._counts.items()
            if count.times_s or count.episode or count.quiet_until_s > frame.source_s
        }
        return tuple(alerts)

    def _judge(
        self, rule: AlertRule, face: int | None, count: _Count, frame: Frame
    ) -> Iterable[Alert]:
        now = frame.source_s
        while count.times_s and count.times_s[0] <= now - rule.window_s:
            count.times_s.popleft()
        negative = len(count.times_s)
        if count.episode is not None and negative <= rule.clear_count:
            yield self._alert(AlertEvent.CLEARED, rule, face, count, frame)
            count.episode = None
            count.quiet_until_s = now + rule.cooldown_s
        elif count.episode is None and negative >= rule.count and now >= count.quiet_until_s:
            count.episode = self._new_id()
            yield self._alert(AlertEvent.RAISED, rule, face, count, frame)

    def _judge_sight(self, rule: AlertRule, frame: Frame, *, seen: bool) -> Iterable[Alert]:
        now, count = frame.source_s, self._blindness
        if seen or self._seen_s is None:
            self._seen_s = now
        if count.episode is not None and seen:
            yield self._alert(AlertEvent.CLEARED, rule, None, count, frame)
            count.episode = None
        elif count.episode is None and now - self._seen_s >= rule.window_s:
            count.episode = self._new_id()
            yield self._alert(AlertEvent.RAISED, rule, None, count, frame)

    def _alert(
        self, event: AlertEvent, rule: AlertRule, face: int | None, count: _Count, frame: Frame
    ) -> Alert:
        return Alert(
            id=self._new_id(),
            episode=count.episode or "",
            event_type=event,
            name=rule.name,
            face=face,
            count=len(count.times_s),
            window_s=rule.window_s,
            emotions=rule.emotions,
            time=frame.time,
        )

    def raised(self) -> Mapping[str, bool]:
        """For every rule, whether it is raised, for any face."""
        on = {name for (name, _), count in self._counts.items() if count.episode}
        blind = {BLIND: self._blindness.episode is not None} if self._blind else {}
        return {name: name in on for name in self._rules} | blind

    def negative(self) -> Mapping[str, int]:
        """For every rule, the number of negative readings in its window; of faces, the highest."""
        most = dict.fromkeys(self._rules, 0)
        for (name, _), count in self._counts.items():
            most[name] = max(most[name], len(count.times_s))
        return most
