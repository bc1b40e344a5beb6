"""Keep the loop within its share of one core: scan less, then drop frames; queue none.

A frame that the budget does not allow yet is not taken, and the next one taken is the camera's
newest. Nothing here reads a clock: CPU seconds, monotonic seconds and temperatures are arguments.
"""

from __future__ import annotations

from typing import NamedTuple

from edge.service.thermal import HOT_C, Heat

#: Wait between two frames while no face is in sight: the longest until a new face is seen.
IDLE_S = 0.2
#: The longest wait: broker and watchdog must hear from the loop.
LONGEST_S = 5.0
#: The sparsest scan of the whole picture: on every Nth frame.
SCAN_EVERY_MOST = 8
#: Interval at which the load is judged ...
JUDGE_S = 1.0
#: ... and how long it must have been low before scans get denser again.
CALM_S = 10.0
#: Seconds of unspent budget that are kept: a short burst drops no frame.
_CREDIT_S = 2.0
#: Hysteresis: once hot, the board is cool again this far below `HOT_C`.
_COOLER_C = 5.0
#: Other threads' CPU time is charged up to this share of the budget.
_OTHERS = 0.75


class _Usage(NamedTuple):
    loop_s: float
    others_s: float
    now_s: float


class Governor:
    """Decide how long to wait before the next frame, and how sparse the scans are (`scan_every`).

    `budget` is the share of one core that the process may use, over a few seconds. What the loop
    cannot change, such as a stream being decoded, may take most of it, but never starves the loop.
    """

    def __init__(self, budget: float) -> None:
        self._budget = budget
        self.scan_every = 1
        self._before: _Usage | None = None
        self._charged_s = 0.0
        self._judged_charged_s = self._judged_at_s = 0.0
        self._debt_s = -budget * _CREDIT_S
        self._short = self._hot = False
        self._calm_s = 0.0

    def wait_s(self, loop_s: float, others_s: float, now_s: float, *, idle: bool) -> float:
        """Return the seconds to wait before the next frame; call it when one is finished.

        `loop_s` is the CPU time that the loop's thread has used so far, `others_s` that of all
        other threads, `now_s` the monotonic time, `idle` whether no face is in sight.
        """
        before, self._before = self._before, _Usage(loop_s, others_s, now_s)
        if before is None:  # the cost of starting is not charged
            self._judged_at_s = now_s
            return 0.0
        earned_s = self._budget * (now_s - before.now_s)
        spent_s = loop_s - before.loop_s + min(others_s - before.others_s, _OTHERS * earned_s)
        self._charged_s += spent_s
        debt_s = self._debt_s + spent_s - earned_s
        self._debt_s = min(max(debt_s, -self._budget * _CREDIT_S), self._budget * LONGEST_S)
        self._short |= self._debt_s > 0
        if now_s - self._judged_at_s >= JUDGE_S:
            self._judge(now_s)
        return max(self._debt_s / self._budget, IDLE_S if idle else 0.0)

    def update_temperature(self, heat: Heat) -> None:
        """Scan less while the board is hot; call it every few seconds."""
        cool = heat.celsius is None or heat.celsius < HOT_C - _COOLER_C
        self._hot = heat.hot or (self._hot and not cool)
        if self._hot:
            self._scan_less()

    def _judge(self, now_s: float) -> None:
        passed_s = now_s - self._judged_at_s
        share = (self._charged_s - self._judged_charged_s) / passed_s
        if share > self._budget or self._short:
            self._scan_less()
        elif share >= self._budget / 2 or self._hot:
            self._calm_s = 0.0
        else:
            # Twice the scans cost at most twice as much: below half the budget there is room.
            self._calm_s += passed_s
            if self._calm_s >= CALM_S:
                self.scan_every = max(self.scan_every // 2, 1)
                self._calm_s = 0.0
        self._judged_charged_s, self._judged_at_s, self._short = self._charged_s, now_s, False

    def _scan_less(self) -> None:
        self.scan_every = min(self.scan_every * 2, SCAN_EVERY_MOST)
        self._calm_s = 0.0
