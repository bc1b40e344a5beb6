"""Keeps the loop within its share of one core: it scans less, then drops frames; none is queued.

A frame that is too early for the budget is not taken, and when the next one is, it is the camera's
newest. Nothing here reads a clock: CPU seconds, monotonic seconds and heat come as arguments.
"""

from __future__ import annotations

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


class Governor:
    """Decides how long to wait before the next frame, and how thin scans are (`scan_every`).

    `budget` is the share of one core that the process may use, over a few seconds.
    """

    def __init__(self, budget: float) -> None:
        self._budget = budget
        self.scan_every = 1
        self._before: tuple[float, float] | None = None
        self._look: tuple[float, float] = 0.0, 0.0
        self._debt_s = -budget * _CREDIT_S
        self._short = self._hot = False
        self._calm_s = 0.0

    def wait_s(self, cpu_s: float, now_s: float, *, idle: bool) -> float:
        """Seconds to wait before the next frame is taken; call it when the loop is done with one.

        `cpu_s` is what the process has used so far, `now_s` the monotonic time, `idle` whether
        nobody is there.
        """
        if self._before is None:
            self._before = self._look = cpu_s, now_s  # what starting cost is nobody's fault
            return 0.0
        spent_s, passed_s = cpu_s - self._before[0], now_s - self._before[1]
        self._before = cpu_s, now_s
        debt_s = self._debt_s + spent_s - self._budget * passed_s
        self._debt_s = min(max(debt_s, -self._budget * _CREDIT_S), self._budget * LONGEST_S)
        self._short |= self._debt_s > 0
        if now_s - self._look[1] >= LOOK_S:
            self._judge(cpu_s, now_s)
        return max(self._debt_s / self._budget, IDLE_S if idle else 0.0)

    def feel(self, heat: Heat) -> None:
        """Takes in how hot the board is; call it every few seconds."""
        cool = heat.celsius is None or heat.celsius < HOT_C - _COOLER_C
        self._hot = heat.hot or (self._hot and not cool)
        if self._hot:
            self._thinner()

    def _judge(self, cpu_s: float, now_s: float) -> None:
        passed_s = now_s - self._look[1]
        share = (cpu_s - self._look[0]) / passed_s
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
        self._look, self._short = (cpu_s, now_s), False

    def _thinner(self) -> None:
        self.scan_every = min(self.scan_every * 2, SCAN_EVERY_MOST)
        self._calm_s = 0.0
