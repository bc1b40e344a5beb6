"""The days that the alert `trend` is about: read from the diary's table, beside the loop."""

from __future__ import annotations

import logging
import threading
from datetime import date, timedelta
from pathlib import Path

from edge.alerts.trend import RECALL_DAYS, RECENT_DAYS, USUAL_DAYS, Daily, Shares
from edge.config.alerts import NEGATIVE
from edge.config.schema import TrendConfig
from edge.diary import daily
from edge.diary.shares import daily_shares
from edge.errors import first_line

_BACK = timedelta(days=RECALL_DAYS + RECENT_DAYS + USUAL_DAYS)
log = logging.getLogger(__name__)


def open_daily(config: TrendConfig, directory: Path, labels: tuple[str, ...]) -> Daily:
    """Return what the alert `trend` asks, of the diary in `directory`."""
    negative = tuple(label for label in NEGATIVE if label in labels)
    return Daily(negative, DailyShares(directory, 60 * config.min_minutes).before)


class DailyShares:
    """Reads the table once a day, in a thread of its own: a slow card must not hold up the loop."""

    def __init__(self, directory: Path, min_s: float) -> None:
        self._directory, self._min_s = directory, min_s
        self._thread: threading.Thread | None = None
        self._asked: date | None = None
        self._shares: Shares | None = None

    def before(self, today: date) -> Shares | None:
        """Return the shares of the days before `today`; None while they are being read."""
        if today != self._asked and (self._thread is None or not self._thread.is_alive()):
            self._asked, self._shares = today, None
            self._thread = threading.Thread(
                target=self._read, args=(today,), name="trend", daemon=True
            )
            self._thread.start()
        return self._shares if today == self._asked else None

    def _read(self, today: date) -> None:
        try:
            hours = [
                hour
                for hour in daily.read(self._directory)
                if today - _BACK <= hour.start.date() < today
            ]
        except OSError as error:
            log.warning("alert trend: %s: %s", self._directory, first_line(error))
            return  # without an answer nothing is raised or cleared; tomorrow it is tried again
        self._shares = daily_shares(hours, self._min_s)
