"""The alert `trend` in the service: from the diary's table to the log, the diary and the broker."""

from __future__ import annotations

import json
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from edge.config.schema import Config, DiaryConfig, TrendConfig
from edge.diary import daily
from edge.service.alerting import open_rules
from edge.service.daily_shares import DailyShares, open_daily
from tests.conftest import Mosquitto, wait_for
from tests.support.hours import LABELS, home
from tests.support.mqtt import listening, texts
from tests.support.service import CLIP, service

ON = "[trend]\nenabled = true\n"


def answer(shares: DailyShares, today: date) -> dict[date, float]:
    """What it says once it has read the table."""
    for _ in range(1000):
        found = shares.before(today)
        if found is not None:
            return dict(found)
        time.sleep(0.01)
    raise AssertionError("no answer in ten seconds")


def test_the_shares_are_those_of_the_table(tmp_path: Path) -> None:
    today = date(2026, 3, 30)
    hours = list(home(100, today + timedelta(days=2)))
    daily.store(tmp_path, hours)
    found = answer(DailyShares(tmp_path, 1800), today)
    assert max(found) < today
    assert len(found) > 80
    for day, share in found.items():
        of_day = [hour for hour in hours if hour.start.date() == day]
        assert sum(hour.face_s for hour in of_day) >= 1800
        assert share == sum(h.negative for h in of_day) / sum(h.good for h in of_day)


def test_a_day_with_few_faces_does_not_count(tmp_path: Path) -> None:
    today = date(2026, 3, 30)
    daily.store(tmp_path, home(30, today))
    assert len(answer(DailyShares(tmp_path, 6 * 3600), today)) < len(
        answer(DailyShares(tmp_path, 1800), today)
    )
    assert answer(DailyShares(tmp_path / "none", 1800), today) == {}, "no table yet"


def test_it_asks_again_on_the_next_day(tmp_path: Path) -> None:
    today = date(2026, 3, 30)
    shares = DailyShares(tmp_path, 1800)
    assert answer(shares, today) == {}
    daily.store(tmp_path, home(30, today))
    assert shares.before(today) == {}
    assert answer(shares, today + timedelta(days=1))


def test_it_is_off_by_default(tmp_path: Path) -> None:
    def names(trend: TrendConfig) -> set[str]:
        config = Config(alerts=(), trend=trend, diary=DiaryConfig(directory=tmp_path))
        return set(open_rules(config, LABELS).raised())

    assert names(TrendConfig()) == set()
    assert names(TrendConfig(enabled=True)) == {"trend"}


def test_it_is_about_the_negative_expressions_that_the_model_knows(tmp_path: Path) -> None:
    found = open_daily(TrendConfig(enabled=True), tmp_path, ("happy", "sad", "angry"))
    assert found.emotions == ("angry", "sad")


@pytest.mark.slow
def test_a_week_that_differs_is_told_once_and_its_end_too(
    broker: Mosquitto, tmp_path: Path
) -> None:
    log, today = tmp_path / "log", date.today()
    log.mkdir()
    daily.store(log, home(100, today))
    lines = (
        f'device = "pi"\nalerts = []\n[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
        f'[camera]\nsource = "{CLIP}"\n[diary]\ndirectory = "{log}"\n'
        f'[state]\ndirectory = "{tmp_path}/state"\n{ON}'
    )
    with listening(broker) as subscriber:

        def said() -> list[str]:
            return texts(subscriber, "alert")

        for _ in range(2):  # a restart does not repeat it
            with service(tmp_path / "service", lines, "--realtime") as running:
                wait_for(lambda: "watching" in running.said(), "a start")
                wait_for(said, "an alert")
                time.sleep(1)
        (raised,) = said()
        assert {"event_type": "raised", "name": "trend", "face": None}.items() <= json.loads(
            raised
        ).items()
        assert "raised:trend" in (log / "expressions.csv").read_text()
        (log / daily.NAME).unlink()
        daily.store(log, home(100, today, more_s=0))
        with service(tmp_path / "service", lines, "--realtime"):
            wait_for(lambda: len(said()) == 2, "its end")
        assert "cleared" in said()[1]
