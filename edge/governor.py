"""Keeps the loop within its share of one core: it scans less, then drops frames; none is queued.

A frame that is too early for the budget is not taken, and when the next one is, it is the camera's
newest. Nothing here reads a clock: CPU seconds, monotonic seconds and heat come as arguments.
"""

from __future__ import annotations

from typing import NamedTuple

from edge.temperature import HOT_C, Heat

#: Between two frames while nobody is there. A face that appears waits so long to be seen.
IDLE_S = 0.2
#: No wait is longer: broker and watchdog must hear of the loop.
LONGEST_S = 5.0
#: Scans of the whole picture are thinned out so far.
SCAN_EVERY_MOST = 8
#: So often the load is judged ...
LOOK_S = 1.0
#: ... and so long it must have been low before scans get denser again.
CALM_S = 10.0
#: What was not spent is kept for so long: a burst that is over soon drops no frame.
_CREDIT_S = 2.0
#: Once hot, this much cooler than hot is cool again.
_COOLER_C = 5.0
#: Other threads' CPU time is charged up to this share of the budget.
_OTHERS = 0.75


class _Moment(NamedTuple):
    loop_s: float
    others_s: float
    now_s: float


class Governor:
    """Decides how long to wait before the next frame, and how thin scans are (`scan_every`).

    `budget` is the share of one core that the process may use, over a few seconds. What the loop
    cannot change, such as a stream being decoded, may take most of it, but never starves the loop.
    """

    def __init__(self, budget: float) -> None:
        self._budget = budget
        self.scan_every = 1
        self._before: _Moment | None = None
        self._charged_s = 0.0
        self._look_charged_s = self._look_at_s = 0.0
        self._debt_s = -budget * _CREDIT_S
        self._short = self._hot = False
        self._calm_s = 0.0

    def wait_s(self, loop_s: float, others_s: float, now_s: float, *, idle: bool) -> float:
        """Seconds to wait before the next frame is taken; call it when the loop is done with one.

        `loop_s` is the CPU time that the loop's thread has used so far, `others_s` that of all
        other threads, `now_s` the monotonic time, `idle` whether nobody is there.
        """
        before, self._before = self._before, _Moment(loop_s, others_s, now_s)
        if before is None:  # what starting cost is nobody's fault
            self._look_at_s = now_s
            return 0.0
        earned_s = self._budget * (now_s - before.now_s)
        spent_s = loop_s - before.loop_s + min(others_s - before.others_s, _OTHERS * earned_s)
        self._charged_s += spent_s
        debt_s = self._debt_s + spent_s - earned_s
        self._debt_s = min(max(debt_s, -self._budget * _CREDIT_S), self._budget * LONGEST_S)
        self._short |= self._debt_s > 0
        if now_s - self._look_at_s >= LOOK_S:
            self._judge(now_s)
        return max(self._debt_s / self._budget, IDLE_S if idle else 0.0)

    def feel(self, heat: Heat) -> None:
        """Takes in how hot the board is; call it every few seconds."""
        cool = heat.celsius is None or heat.celsius < HOT_C - _COOLER_C
        self._hot = heat.hot or (self._hot and not cool)
        if self._hot:
            self._thinner()

    def _judge(self, now_s: float) -> None:
        passed_s = now_s - self._look_at_s
        share = (self._charged_s - self._look_charged_s) / passed_s
        if share > self._budget or self._short:
            self._thinner()
        elif share >= self._budget / 2 or self._hot:
            self._calm_s = 0.0
        else:
            # Twice the scans cost at most twice as much: below half the budget there is room.
            self._calm_s += passed_s
            if self._calm_s >= CALM_S:
                self.scan_every = max(self.scan_every // 2, 1)
                self._calm_s = 0.0
        self._look_charged_s, self._look_at_s, self._short = self._charged_s, now_s, False

    def _thinner(self) -> None:
        self.scan_every = min(self.scan_every * 2, SCAN_EVERY_MOST)
        self._calm_s = 0.0
