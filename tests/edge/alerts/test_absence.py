"""The alert on a camera that sees nobody."""

from __future__ import annotations

from collections.abc import Sequence

from edge.alert_state import Episode
from edge.alerts.episodes import with_episodes
from edge.alerts.rules import Rules
from edge.config.alerts import AlertConfig
from edge.records import Alert, Reading
from tests.support.samples import frame, reading

RULE = AlertConfig(name="sad", emotions=("sad",), count=3, window_s=10.0, clear_count=1)


def played(
    rules: Rules, readings: dict[float, list[Reading]], until_s: int
) -> list[tuple[int, Sequence[Alert]]]:
    return [(s, rules.update(frame(s), readings.get(s, []))) for s in range(until_s)]


def blind(*times: float, after_s: float, until_s: int, left: Episode | None = None) -> list[str]:
    """Second and event of every alert, happy readings coming at `times`."""
    rules = Rules([RULE], after_s, with_episodes([left] if left else []))
    readings = {t: [reading(t)] for t in times}
    return [
        f"{second} {alert.name} {alert.event_type}"
        for second, alerts in played(rules, readings, until_s)
        for alert in alerts
    ]


def test_without_a_face_for_long_enough_blind_is_raised_and_the_next_face_clears_it() -> None:
    assert blind(5, 40, 41, after_s=20, until_s=100) == [
        "25 blind raised",
        "40 blind cleared",
        "61 blind raised",
    ]
    assert blind(after_s=20, until_s=100) == ["20 blind raised"], "counted from the start, too"
    assert blind(*range(0, 100, 19), after_s=20, until_s=100) == []


def test_blind_is_off_unless_asked_for() -> None:
    assert blind(after_s=0, until_s=10_000) == []
    assert Rules([RULE]).raised() == {"sad": False}


def test_blind_says_what_an_alert_says_and_belongs_to_no_face() -> None:
    rules = Rules([RULE], absent_after_s=20)
    assert rules.raised() == {"sad": False, "blind": False}
    raised, cleared = [
        alert for _, alerts in played(rules, {30: [reading(30)]}, 31) for alert in alerts
    ]
    assert (raised.name, raised.face, raised.emotions) == ("blind", None, ())
    assert (raised.count, raised.window_s) == (0, 20)
    assert raised.episode == cleared.episode
    assert raised.id != cleared.id
    assert rules.negative() == {"sad": 0}, "it counts no readings"
    assert rules.shares() == {"sad": 0.0}
    assert str(raised) == "alert 'blind' raised: no face for 20 s"
    assert str(cleared) == "alert 'blind' cleared: face seen again"


def test_a_process_that_died_blind_stays_so_until_there_is_a_face() -> None:
    left = Episode("blind", None, "before", (), 20.0)
    assert blind(7, after_s=20, until_s=15, left=left) == ["7 blind cleared"]
    rules = Rules([RULE], state=with_episodes([left]), absent_after_s=20)
    assert rules.raised()["blind"]
    assert rules.update(frame(0), [reading(0)])[0].episode == "before"


def test_where_blind_was_switched_off_it_ends_at_the_first_frame() -> None:
    left = Episode("blind", None, "before", (), 20.0)
    assert blind(after_s=0, until_s=15, left=left) == ["0 blind cleared"]
