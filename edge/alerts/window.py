"""The readings of a sliding window: when those that count were seen, and how many others were."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from edge.alert_state import WindowState
from edge.records import NO_EMOTION

#: A window of hours must not become as many numbers as it has seconds: the readings that do not
#: count are added up in this many slices of it.
SLICES = 120


@dataclass(slots=True)
class Window:
    """The clear readings of one face, or of all; see `edge.alert_state.WindowState`."""

    times_s: deque[float] = field(default_factory=deque)
    others: deque[tuple[float, int]] = field(default_factory=deque)
    episode: str | None = None
    quiet_until_s: float = 0.0
    emotion: str = NO_EMOTION

    @classmethod
    def of(cls, state: WindowState, *, same: bool) -> Window:
        """Return what is still true of `state`; `same`: its rule has the emotions of then.

        Readings of other emotions count no longer, but what is raised is still to be cleared.
        """
        window = cls(episode=state.episode, quiet_until_s=state.quiet_until_s)
        if same:
            window.times_s, window.others = deque(state.times_s), deque(state.others)
            window.emotion = state.emotion
        return window

    def add(self, now_s: float, emotion: str, *, counts: bool, window_s: float) -> None:
        """Add a clear reading of `now_s`."""
        if counts:
            self.times_s.append(now_s)
            self.emotion = emotion
        elif self.others and now_s - self.others[-1][0] < window_s / SLICES:
            since_s, number = self.others[-1]
            self.others[-1] = since_s, number + 1
        else:
            self.others.append((now_s, 1))

    def forget(self, until_s: float) -> None:
        """Forget the readings up to `until_s`."""
        while self.times_s and self.times_s[0] <= until_s:
            self.times_s.popleft()
        while self.others and self.others[0][0] <= until_s:
            self.others.popleft()

    def clear(self) -> None:
        """Forget all readings."""
        self.times_s.clear()
        self.others.clear()

    def shift(self, by_s: float) -> None:
        """Take over another clock."""
        self.times_s = deque(time_s + by_s for time_s in self.times_s)
        self.others = deque((since_s + by_s, number) for since_s, number in self.others)

    @property
    def number(self) -> int:
        """How many clear readings there are."""
        return len(self.times_s) + sum(number for _, number in self.others)

    def share(self) -> float:
        """Return the part of the clear readings that counts, 0 where there are none."""
        return len(self.times_s) / self.number if self.times_s else 0.0

    def state(self, face: int | None) -> WindowState:
        """Return what must survive a restart."""
        return WindowState(
            face,
            tuple(self.times_s),
            self.episode,
            self.quiet_until_s,
            self.emotion,
            tuple(self.others),
        )
