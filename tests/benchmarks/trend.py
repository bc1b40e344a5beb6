"""What the alert `trend` does on simulated days: how often it is wrong, how soon it is right.

    python -m tests.benchmarks.trend [--homes 400]

Days are made as homes make them: the negative share is 0.20 on average and follows the day before
(an autoregression, AR(1), with 0.3), its noise has heavy tails (Student's t with 4 degrees of
freedom), weekends differ, one day in ten is missing, and now and then a whole week. The alert's own
rule judges them, day after day. All figures are stated in docs/report.md.
"""

from __future__ import annotations

import argparse
import math
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from edge.alerts import trend
from edge.records import FloatArray

BEGIN = date(2026, 1, 1)
#: Mean and deviation of a home's daily shares; how much weekends differ, in deviations.
MEAN, DEVIATION, WEEKEND = 0.20, 0.05, 0.5
FOLLOWS = 0.3
#: Shares of days that are missing, and of days on which a week without the camera begins.
MISSING, AWAY = 0.10, 0.005
#: Days of a home without a change; days before and after one.
QUIET_DAYS, BEFORE_DAYS, AFTER_DAYS = 400, 84, 42
SHIFT = 1.5


class Figures(NamedTuple):
    """`found_days`: of each home with a change, the days until it was found; inf for never."""

    false_in_100_days: float
    found_days: FloatArray

    @property
    def median_days(self) -> float:
        """Days until half of the changes were found."""
        return float(np.median(self.found_days))

    def found_within(self, days: int) -> float:
        """Return the share of the changes that were found within `days`."""
        return float(np.mean(self.found_days <= days))


def home(random: np.random.Generator, days: int) -> dict[date, float]:
    """Return the shares of one home's days without a change; missing days are left out."""
    noise = random.standard_t(4, days) / math.sqrt(2)  # t with 4 degrees has a variance of 2
    noise *= math.sqrt(1 - FOLLOWS**2)
    level = np.empty(days)
    before = random.standard_normal()
    for day in range(days):
        before = level[day] = FOLLOWS * before + noise[day]
    dates = [BEGIN + timedelta(days=day) for day in range(days)]
    weekends = np.array([day.weekday() >= 5 for day in dates])
    level += WEEKEND * random.choice([-1.0, 1.0]) * weekends
    present = random.random(days) >= MISSING
    for begin in np.flatnonzero(random.random(days) < AWAY):
        present[begin : begin + 7] = False
    shares = MEAN + DEVIATION * level
    return {dates[day]: float(np.clip(shares[day], 0, 1)) for day in range(days) if present[day]}


def raised_on(shares: trend.Shares, days: int) -> list[int]:
    """Return the days, counted from the begin, on which the alert is raised."""
    each = trend.standings(shares, BEGIN, BEGIN + timedelta(days=days))
    return [number for number, (day, found) in enumerate(each) if found.since == day]


def measure(homes: int, seed: int = 1) -> Figures:
    """Return the figures of `homes` homes without a change and as many with one."""
    random = np.random.default_rng(seed)
    false = judged = 0
    for _ in range(homes):
        shares = home(random, QUIET_DAYS)
        false += len(raised_on(shares, QUIET_DAYS))
        each = trend.standings(shares, BEGIN, BEGIN + timedelta(days=QUIET_DAYS))
        judged += sum(found.change is not None for _, found in each)
    found = [days_to_find(random) for _ in range(homes)]
    return Figures(100 * false / judged, np.array(found))


def days_to_find(random: np.random.Generator) -> float:
    """Return how many days after a home's change the alert was raised; inf for never."""
    days = BEFORE_DAYS + AFTER_DAYS
    while True:
        before = home(random, days)
        begin = BEGIN + timedelta(days=BEFORE_DAYS)
        shares = {
            day: min(share + SHIFT * DEVIATION * (day >= begin), 1.0)
            for day, share in before.items()
        }
        raised = raised_on(shares, days)
        if not any(BEFORE_DAYS - trend.SILENT_DAYS < day <= BEFORE_DAYS for day in raised):
            break
        # A false alarm just before the change: another home, this one is being looked at already.
    return min((day - BEFORE_DAYS for day in raised if day > BEFORE_DAYS), default=math.inf)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=int, default=400, help="homes to simulate of each kind")
    figures = measure(parser.parse_args().homes)
    print(f"false alarms in 100 days: {figures.false_in_100_days:.2f}")
    print(f"a lasting change of +{SHIFT} deviations:")
    print(f"  found after {figures.median_days:.0f} days (median)")
    for days in (7, 14, 21):
        print(f"  found within {days} days: {figures.found_within(days):.0%}")


if __name__ == "__main__":
    main()
