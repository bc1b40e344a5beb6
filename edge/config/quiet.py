"""Quiet times of day, local time: `"22:00-07:00"`.

A time of day is compared with what the wall clock shows, and nothing is added to it: on the days on
which the clock is put forward or back, a quiet time begins and ends when the clock shows so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import time
from typing import NamedTuple

from edge.errors import ConfigError

_SPAN = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
_DAY_MIN = 24 * 60


class QuietTime(NamedTuple):
    """From `begin_min` until before `end_min`, minutes since midnight; over midnight if not less.

    The end may be 24:00.
    """

    begin_min: int
    end_min: int

    def holds(self, now: time) -> bool:
        """Return whether `now`, local time, is within."""
        minute = now.hour * 60 + now.minute
        if self.begin_min < self.end_min:
            return self.begin_min <= minute < self.end_min
        return minute >= self.begin_min or minute < self.end_min


def parse(text: str) -> QuietTime:
    """Return the quiet time in `text`; raise `ConfigError` for anything else."""
    found = _SPAN.fullmatch(text.replace(" ", ""))
    if found is None:
        raise ConfigError(f'must be written "HH:MM-HH:MM", such as "22:00-07:00", not {text!r}')
    from_h, from_min, until_h, until_min = map(int, found.groups())
    begin_min, end_min = 60 * from_h + from_min, 60 * until_h + until_min
    if max(from_min, until_min) > 59 or begin_min >= _DAY_MIN or end_min > _DAY_MIN:
        raise ConfigError(f"{text!r} has a time that no clock shows; a day has 00:00 to 24:00")
    if begin_min == end_min:
        raise ConfigError(f'{text!r} begins when it ends; "00:00-24:00" is the whole day')
    return QuietTime(begin_min, end_min)


def is_quiet(spans: Iterable[str], now: time) -> bool:
    """Return whether one of `spans`, which must be right, holds at `now`."""
    return any(parse(span).holds(now) for span in spans)
