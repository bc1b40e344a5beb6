"""An alert on negative readings: raised by their number and share within a sliding window."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime

from edge.alert_state import RuleState
from edge.alerts.window import Window
from edge.config.alerts import AlertConfig
from edge.notes import is_clear
from edge.records import Alert, AlertEvent, Frame, Reading


class CountRule:
    """Counts negative readings within a sliding window. Only clear readings are looked at.

    Raised when the window holds `count` readings of its emotions with at least `min_confidence`,
    and they are `share` of its readings or more: more faces, or a shorter interval, must not reach
    the count by themselves. Cleared when `clear_count` or fewer are left, or the share has fallen
    in the same proportion; in between it stays as it is. For `cooldown_s` after it was cleared it
    is not raised. With `per_face` each face has its own window; a face that stays away empties it.

    `config` must be resolved (see `edge.config.alerts.resolve`).
    """

    def __init__(
        self, config: AlertConfig, new_id: Callable[[], str], state: RuleState | None = None
    ) -> None:
        self.name = config.name
        self.config, self._new_id = config, new_id
        """Another one, of the same emotions, may replace it."""
        self._windows: dict[int | None, Window] = {}
        if state is not None:
            same = state.emotions == config.emotions
            self._windows = {each.face: Window.of(each, same=same) for each in state.windows}

    def expire(self, away_s: float, away_from_s: float, time: datetime) -> list[Alert]:
        """Return the alerts that end after a whole window without a frame; see `Rule`."""
        alerts = []
        for face, window in self._windows.items():
            if window.episode is not None and away_s >= self.config.window_s:
                window.clear()
                alerts.append(self._cleared(face, window, away_from_s + away_s, time))
        return alerts

    def resume(self, shift_s: float, away_s: float) -> None:
        """Take over the clock of a new source, see `edge.alerts.rule.Rule`.

        The window does not move while the service is away: else it would run empty and clear an
        alert without evidence that it has ended. After a whole window away, its content is too old.
        """
        too_old = away_s >= self.config.window_s
        for window in self._windows.values():
            if too_old:
                window.clear()
            window.shift(shift_s)
            window.quiet_until_s += shift_s - away_s

    def update(self, frame: Frame, readings: Collection[Reading]) -> list[Alert]:
        """Return the alerts raised and cleared by this frame's `readings`."""
        config, now_s = self.config, frame.source_s
        for reading in readings:
            if not is_clear(reading.notes):
                continue
            counts = (
                reading.emotion in config.emotions and reading.confidence >= config.min_confidence
            )
            window = self._windows.setdefault(reading.face if config.per_face else None, Window())
            window.add(now_s, reading.emotion, counts=counts, window_s=config.window_s)
        alerts = [
            alert
            for face, window in self._windows.items()
            for alert in self._judge(face, window, frame)
        ]
        self._windows = {
            face: window
            for face, window in self._windows.items()
            if window.times_s or window.others or window.episode or window.quiet_until_s > now_s
        }
        return alerts

    def _judge(self, face: int | None, window: Window, frame: Frame) -> Iterator[Alert]:
        config, now_s = self.config, frame.source_s
        window.forget(now_s - config.window_s)
        count = len(window.times_s)
        if window.episode is not None:
            too_small = window.share() < config.share * config.clear_count / config.count
            if count <= config.clear_count or too_small:
                yield self._cleared(face, window, now_s, frame.time)
        elif (
            count >= config.count
            and window.share() >= config.share
            and now_s >= window.quiet_until_s
        ):
            window.episode = self._new_id()
            yield self._alert(AlertEvent.RAISED, face, window, frame.time)

    def _cleared(self, face: int | None, window: Window, now_s: float, time: datetime) -> Alert:
        """End an episode, which must be there; `now_s` is in source seconds."""
        alert = self._alert(AlertEvent.CLEARED, face, window, time)
        window.episode = None
        window.quiet_until_s = now_s + self.config.cooldown_s
        return alert

    def _alert(self, event: AlertEvent, face: int | None, window: Window, time: datetime) -> Alert:
        config, count, episode = self.config, len(window.times_s), window.episode
        assert episode is not None
        readings = "reading" if window.number == 1 else "readings"
        return Alert(
            id=self._new_id(),
            episode=episode,
            event_type=event,
            name=config.name,
            face=face,
            count=count,
            window_s=config.window_s,
            emotions=config.emotions,
            time=time,
            reason=f"{count} negative of {window.number} clear {readings} in {config.window_s:g} s",
            emotion=window.emotion,
        )

    @property
    def raised(self) -> bool:
        """Whether the alert is raised, for any face."""
        return any(window.episode for window in self._windows.values())

    @property
    def negative(self) -> int | None:
        """The number of negative readings in the window; of faces, the highest."""
        return len(self._fullest.times_s)

    @property
    def share(self) -> float | None:
        """The part that they are of that window's clear readings, 0 to 1."""
        return self._fullest.share()

    @property
    def _fullest(self) -> Window:
        return max(self._windows.values(), key=lambda w: len(w.times_s), default=Window())

    def state(self) -> RuleState:
        """Return what must survive a restart."""
        windows = tuple(window.state(face) for face, window in self._windows.items())
        return RuleState(self.name, self.config.emotions, self.config.window_s, windows)
