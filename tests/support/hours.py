"""Hours of an imagined home, as the diary's table has them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from edge.diary.hour import Hour

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
MODEL = "d5932770"


def home(days: int, today: date, seed: int = 1, *, more_s: int = 7) -> Iterator[Hour]:
    """Yield the hours of the `days` before `today`; in the last `more_s` days more was negative.

    Somebody is at home in the morning, at noon and in the evening, at weekends all day. One day in
    fourteen the camera was off, one in ten it was paused until noon.
    """
    chance = random.Random(seed)
    for back in range(days, 0, -1):
        day = today - timedelta(days=back)
        if chance.random() < 1 / 14:
            continue
        level = chance.gauss(0.2, 0.04) + (0.14 if back <= more_s else 0.0)
        paused = chance.random() < 0.1
        for number in range(24):
            start = datetime(day.year, day.month, day.day, number, tzinfo=UTC)
            if paused and number < 12:
                yield Hour(start, paused_s=3600)
                continue
            workday = {7, 8, 12, 13, *range(17, 23)}
            at_home = number in (workday if day.weekday() < 5 else range(9, 23))
            seen_s = round(min(max(chance.gauss(1800, 600), 0), 3600)) if at_home else 0
            yield _hour(start, seen_s, level + chance.gauss(0, 0.05), chance)


def _hour(start: datetime, seen_s: int, share: float, chance: random.Random) -> Hour:
    negative = round(seen_s * min(max(share, 0.02), 0.9))
    counts = {
        "angry": negative * 3 // 10,
        "disgust": negative // 20,
        "fear": negative * 3 // 20,
        "sad": negative // 2,
        "surprise": seen_s // 30,
        "happy": (seen_s - negative) // 4,
    }
    counts["neutral"] = seen_s - sum(counts.values())
    alert = seen_s and share > 0.38 and chance.random() < 0.3
    return Hour(
        start,
        watched_s=3600,
        face_s=seen_s,
        readings=seen_s,
        raised={"negative": 1} if alert else {},
        models=(MODEL,) if seen_s else (),
        counts={label: count for label, count in counts.items() if count},
    )
