"""All rules together, and what they remember over a restart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.alert_state import AlertState, Episode
from edge.alerts.episodes import with_episodes
from edge.alerts.rules import Rules
from edge.config.alerts import AlertConfig
from edge.records import Alert, AlertEvent, Frame
from tests.support.samples import frame, reading

RULE = AlertConfig(
    name="sad",
    emotions=("sad",),
    count=3,
    window_s=10.0,
    clear_count=1,
    min_confidence=0.4,
    cooldown_s=20.0,
)
RAISED, CLEARED = AlertEvent.RAISED, AlertEvent.CLEARED


def at(second: float, wall_s: float | None = None) -> Frame:
    """A frame at this source time; the wall clock agrees unless `wall_s` is given."""
    made = frame(second)
    return made if wall_s is None else replace(made, time=frame(wall_s).time)


def sad(rules: Rules, *seconds: float) -> list[Alert]:
    """The alerts of a sad reading at each of these seconds."""
    return [
        alert
        for second in seconds
        for alert in rules.update(at(second), [reading(second, 1, "sad", confidence=0.5)])
    ]


def restarted(rules: Rules, config: AlertConfig = RULE, absent_after_s: float = 0.0) -> Rules:
    return Rules([config], absent_after_s, rules.state())


@pytest.mark.parametrize("name", ["sad", "not configured any more"])
def test_an_episode_of_which_nothing_else_is_known_is_cleared_at_the_first_frame(
    name: str,
) -> None:
    left = Episode(name, 5, "abc", ("sad",), 60.0)
    rules = Rules([RULE], state=with_episodes([left]))
    assert rules.raised()[name]
    (alert,) = rules.update(frame(0), [])
    assert (alert.event_type, alert.episode, alert.name, alert.face) == (CLEARED, "abc", name, 5)
    assert (alert.emotions, alert.count) == (("sad",), 0)
    assert not rules.raised()[name]
    assert rules.update(frame(1), []) == ()
    assert rules.negative() == {"sad": 0}


def test_restarts_within_the_window_change_nothing_the_gaps_are_left_out() -> None:
    """Frame by frame the same as without them: half-filled windows, raised alerts."""
    sad_at = {1, 2, 3, 14, 15, 16, 17, 30, 31, 33, 34, 35}
    rule = replace(RULE, cooldown_s=0.0)
    through, stopped, gaps_s = Rules([rule]), Rules([rule]), 0
    for second in range(60):
        readings = [reading(second, 1, "sad", confidence=0.5)] * (second in sad_at)
        expected = [a.event_type for a in through.update(at(second), readings)]
        if second % 4 == 2:
            stopped = restarted(stopped, rule)
            gaps_s += 8  # and the second between two frames, which is lost with it
            stopped.update(at(second - 1 + gaps_s), [])
        assert [a.event_type for a in stopped.update(at(second + gaps_s), readings)] == expected
        assert stopped.negative() == through.negative(), second


def test_a_restart_clears_nothing_that_nobody_saw_to_be_over() -> None:
    rules = Rules([RULE])
    sad(rules, 100, 101, 102)
    rules = restarted(rules)
    assert rules.update(at(111.9), []) == (), "the window is of 10 s, all of which were away"
    assert rules.update(at(119), []) == ()
    (cleared,) = rules.update(at(122), [])
    assert cleared.event_type == CLEARED


def test_an_alert_stays_raised_over_a_restart_and_keeps_its_episode() -> None:
    rules = Rules([RULE])
    (raised,) = sad(rules, 100, 101, 102)
    rules = restarted(rules)
    assert rules.raised() == {"sad": True}
    assert rules.negative() == {"sad": 3}, "known before the first frame, too"
    assert rules.update(at(105), []) == ()
    (cleared,) = rules.update(at(114), [])
    assert (cleared.event_type, cleared.episode) == (CLEARED, raised.episode)


def test_after_a_restart_longer_than_the_window_nothing_counts_any_more() -> None:
    rules = Rules([RULE])
    sad(rules, 100, 101)
    rules = restarted(rules)
    assert sad(rules, 200) == []
    assert rules.negative() == {"sad": 1}


def test_the_state_before_the_first_frame_is_the_earlier_one() -> None:
    rules = Rules([RULE])
    sad(rules, 100, 101)
    state = rules.state()
    assert Rules([RULE], state=state).state() == state


@pytest.mark.parametrize(("away_s", "events"), [(5, []), (-3600, []), (11, [CLEARED])])
def test_a_source_clock_that_began_again_is_bridged_by_the_wall_clock(
    away_s: float, events: list[AlertEvent]
) -> None:
    """The machine was started again; a wall clock that went back says that no time has passed."""
    rules = Rules([RULE])
    sad(rules, 5000, 5001, 5002)
    rules = Rules([RULE], state=rules.state()._replace(monotonic_s=None))
    first = rules.update(at(20, wall_s=5002 + away_s), [])
    assert [alert.event_type for alert in first] == events
    assert rules.negative() == {"sad": 0 if events else 3}


@pytest.mark.parametrize(("before_s", "after_s"), [(8, 90_000), (90_000, 0)])
@pytest.mark.parametrize(("away_s", "events"), [(5, []), (11, [CLEARED])])
def test_between_a_file_and_a_camera_only_the_time_away_counts(
    before_s: float, after_s: float, away_s: float, events: list[AlertEvent]
) -> None:
    """Media seconds and seconds since boot are hours apart, in either direction."""
    rules = Rules([RULE])
    sad(rules, before_s, before_s + 1, before_s + 2)
    state = rules.state()._replace(monotonic_s=700.0)
    rules = Rules([RULE], state=state)
    first = rules.update(replace(at(after_s), monotonic_s=700.0 + away_s), [])
    assert [alert.event_type for alert in first] == events
    assert rules.negative() == {"sad": 0 if events else 3}


def test_a_rule_for_other_emotions_does_not_count_what_the_old_one_counted() -> None:
    rules = Rules([RULE])
    sad(rules, 100, 101, 102)
    rules = restarted(rules, replace(RULE, emotions=("angry",)))
    assert rules.negative() == {"sad": 0}
    (cleared,) = rules.update(at(103), [])
    assert cleared.event_type == CLEARED


def test_time_without_anybody_goes_on_over_a_restart_but_not_while_nobody_watched() -> None:
    rules = Rules([], 20)
    assert rules.update(at(100), []) == rules.update(at(115), []) == ()
    rules = Rules([], 20, rules.state())
    assert rules.update(at(900), []) == rules.update(at(904), []) == ()
    (raised,) = rules.update(at(905), [])
    assert raised.event_type == RAISED
    rules = Rules([], 20, rules.state())
    assert rules.raised() == {"blind": True}
    assert rules.update(at(2000), []) == ()
    (cleared,) = rules.update(at(2001), [reading(2001)])
    assert (cleared.event_type, cleared.episode) == (CLEARED, raised.episode)


def test_the_state_of_many_faces_is_theirs() -> None:
    rules = Rules([replace(RULE, per_face=True)])
    for second in (1, 2, 3):
        rules.update(at(second), [reading(second, 4, "sad", confidence=0.5)])
    rules.update(at(4), [reading(4, 5, "sad", confidence=0.5)])
    windows = {window.face: window for window in rules.state().rules[0].windows}
    assert windows[4].episode
    assert windows[4].times_s == (1, 2, 3)
    assert windows[5].episode is None
    assert rules.state().time == at(4).time
    rules = restarted(rules, replace(RULE, per_face=True))
    assert rules.negative() == {"sad": 3}
    (cleared,) = [a for s in range(5, 14) for a in rules.update(at(s), [])]
    assert cleared.face == 4


def test_nothing_is_remembered_of_a_first_start() -> None:
    assert AlertState() == Rules([]).state()


def paused(rules: Rules, second: float) -> list[Alert]:
    """The alerts of a pause that has lasted until this second."""
    return list(rules.pause(frame(second).time, second))


def test_a_pause_within_the_window_changes_nothing_the_gap_is_left_out() -> None:
    rules = Rules([RULE])
    sad(rules, 0, 1)
    assert [paused(rules, second) for second in (2, 5, 9)] == [[], [], []]
    (alert,) = sad(rules, 9.5)
    assert (alert.event_type, alert.count) == (RAISED, 3)


def test_what_is_raised_ends_once_a_pause_has_lasted_for_a_window() -> None:
    rules = Rules([RULE])
    (raised,) = sad(rules, 0, 1, 2)
    assert paused(rules, 11.9) == []
    assert rules.raised() == {"sad": True}
    (cleared,) = paused(rules, 12)
    assert (cleared.event_type, cleared.episode, cleared.count) == (CLEARED, raised.episode, 0)
    assert cleared.time == frame(12).time
    assert rules.raised() == {"sad": False}
    assert paused(rules, 13) == []
    assert sad(rules, 100) == [], "nothing from before the pause counts"
    assert rules.negative() == {"sad": 1}


def test_the_cooldown_runs_from_where_a_pause_cleared() -> None:
    rules = Rules([RULE])
    sad(rules, 0, 1, 2)
    paused(rules, 12)
    assert sad(rules, 13, 14, 15, 31.9) == []
    assert [alert.event_type for alert in sad(rules, 32, 33, 34)] == [RAISED]


def test_a_window_of_a_pause_that_began_before_a_restart_ends_too() -> None:
    rules = Rules([RULE])
    sad(rules, 0, 1, 2)
    later = restarted(rules)
    assert paused(later, 11) == []
    (alert,) = paused(later, 12)
    assert alert.event_type is CLEARED


def test_hours_without_a_face_do_not_count_a_pause() -> None:
    rules = Rules([], absent_after_s=100.0)
    rules.update(frame(0), [])
    assert paused(rules, 50) == paused(rules, 5000) == []
    assert rules.update(at(5001), []) == rules.update(at(5100), []) == ()
    (alert,) = rules.update(at(5101), [])
    assert alert.event_type is RAISED


def test_an_alert_that_is_not_configured_any_more_ends_within_a_pause() -> None:
    rules = Rules([RULE])
    sad(rules, 0, 1, 2)
    later = Rules([], state=rules.state())
    (alert,) = paused(later, 3)
    assert (alert.event_type, alert.name) == (CLEARED, "sad")
    assert paused(later, 4) == []
