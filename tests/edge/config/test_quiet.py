"""Quiet times of day: over midnight, and on the days on which the clock is changed."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from datetime import time as time_of_day

import pytest

from edge.config.loader import parse as parse_config
from edge.config.quiet import is_quiet
from edge.errors import ConfigError

NIGHT = ("22:00-07:00",)


@pytest.mark.parametrize(
    ("spans", "now", "quiet"),
    [
        (NIGHT, "21:59", False),
        (NIGHT, "22:00", True),
        (NIGHT, "23:59", True),
        (NIGHT, "00:00", True),
        (NIGHT, "06:59", True),
        (NIGHT, "07:00", False),
        (("12:00-13:00", "15:00-15:01"), "12:30", True),
        (("12:00-13:00", "15:00-15:01"), "13:00", False),
        (("12:00-13:00", "15:00-15:01"), "15:00", True),
        (("18:00-24:00",), "23:59", True),
        (("18:00-24:00",), "00:00", False),
        (("00:00-24:00",), "12:00", True),
        (("00:00-00:01",), "00:00", True),
        ((), "03:00", False),
    ],
)
def test_a_time_of_day_is_quiet(spans: tuple[str, ...], now: str, quiet: bool) -> None:
    assert is_quiet(spans, time_of_day.fromisoformat(now)) is quiet


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-28", 8), ("2026-06-01", 9), ("2026-10-24", 10)],
    ids=["clock put forward", "summer", "clock put back"],
)
def test_it_goes_by_what_the_clock_on_the_wall_shows(
    monkeypatch: pytest.MonkeyPatch, day: str, hours: int
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        noon = datetime.fromisoformat(f"{day}T12:00").timestamp()
        minutes = [datetime.fromtimestamp(noon + 60 * at) for at in range(24 * 60)]
        quiet = [now for now in minutes if is_quiet(NIGHT, now.time())]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert len(quiet) == 60 * hours
    assert (quiet[0].hour, quiet[0].minute) == (22, 0)
    assert (quiet[-1].hour, quiet[-1].minute) == (6, 59)
    assert datetime.fromtimestamp(noon, UTC)


@pytest.mark.parametrize(
    ("written", "fix"),
    [
        ("22-7", "HH:MM-HH:MM"),
        ("22:00", "HH:MM-HH:MM"),
        ("", "HH:MM-HH:MM"),
        ("22:00-07:00-09:00", "HH:MM-HH:MM"),
        ("at night", "HH:MM-HH:MM"),
        ("24:00-07:00", "no clock shows"),
        ("22:60-07:00", "no clock shows"),
        ("22:00-25:00", "no clock shows"),
        ("07:00-07:00", "begins when it ends"),
        ("²2:00-07:00", "HH:MM-HH:MM"),
    ],
)
def test_a_wrong_quiet_time_is_named_with_its_place_and_the_fix(written: str, fix: str) -> None:
    text = f'[watching]\nquiet = ["12:00-13:00", "{written}"]\n[mqtt]\nprefix = "#"\n'
    with pytest.raises(ConfigError) as refused:
        parse_config(text, "config.toml")
    lines = str(refused.value).splitlines()
    assert lines[0].startswith("config.toml: watching.quiet[1]: ")
    assert fix in lines[0]
    assert len(lines) == 2, "all that is wrong, at once"


def test_a_quiet_time_may_have_spaces() -> None:
    assert parse_config('[watching]\nquiet = ["22:00 - 07:00"]', "x").watching.quiet
