"""The rule: raised at so many readings in a window, cleared below, silent for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.alarm import Alarm, Episode
from edge.config import AlertRule
from edge.records import Alert, AlertEvent, Reading
from tests.samples import frame, reading

RULE = AlertRule(
    name="sad",
    emotions=("sad",),
    count=3,
    window_s=10.0,
    clear_count=1,
    min_confidence=0.4,
    cooldown_s=20.0,
)
RAISED, CLEARED = AlertEvent.RAISED, AlertEvent.CLEARED


def negative(at_s: float, face: int = 1, confidence: float = 0.5, emotion: str = "sad") -> Reading:
    labels = ("happy", "neutral", emotion)
    return reading(at_s, face, emotion, confidence=confidence, labels=labels)


def sad_at(*times: float, rule: AlertRule = RULE, until_s: int = 60) -> list[tuple[float, str]]:
    """When which event comes, a frame every second and sad readings at `times`."""
    return [
        (float(second), alert.event_type.value)
        for second, alerts in played(Alarm([rule]), {t: [negative(t)] for t in times}, until_s)
        for alert in alerts
    ]


def played(
    alarm: Alarm, readings: dict[float, list[Reading]], until_s: int
) -> list[tuple[int, Sequence[Alert]]]:
    return [(s, alarm.update(frame(s), readings.get(s, []))) for s in range(until_s)]


def test_it_is_raised_by_the_reading_that_makes_the_count_full() -> None:
    assert sad_at(1, 2, until_s=9) == []
    assert sad_at(1, 2, 3, until_s=9) == [(3, "raised")]


def test_readings_older_than_the_window_do_not_count() -> None:
    assert sad_at(0, 5, 10) == []  # at 10 s the first is 10 s old
    assert sad_at(0, 5, 9, until_s=10) == [(9, "raised")]


def test_it_is_cleared_at_clear_count_and_not_before() -> None:
    assert sad_at(1, 2, 3) == [(3, "raised"), (12, "cleared")]  # at 12 s one is left


def test_between_the_two_thresholds_it_stays_as_it_is() -> None:
    assert sad_at(1, 2, 3, 10, 11, 19, 20, 28, 29, until_s=36) == [(3, "raised")]


def test_it_is_silent_while_it_cools_down_and_raised_after_if_it_is_still_bad() -> None:
    events = sad_at(1, 2, 3, 13, 14, 15, *range(25, 60))
    assert events == [(3, "raised"), (12, "cleared"), (32, "raised")]


def test_other_emotions_and_doubtful_readings_do_not_count() -> None:
    alarm = Alarm([RULE])
    for second in range(20):
        doubtful = negative(second, confidence=0.39)
        angry = negative(second, emotion="angry")
        assert alarm.update(frame(second), [doubtful, angry]) == ()
    assert alarm.negative() == {"sad": 0}
    alarm.update(frame(20), [negative(20, confidence=0.4)])
    assert alarm.negative() == {"sad": 1}


def test_all_faces_count_together_unless_per_face() -> None:
    readings = {float(s): [negative(s, face=s)] for s in range(3)}
    ((_, (together,)),) = [e for e in played(Alarm([RULE]), readings, 5) if e[1]]
    assert (together.face, together.count) == (None, 3)
    apart = Alarm([replace(RULE, per_face=True)])
    assert [e for e in played(apart, readings, 5) if e[1]] == []


def test_each_face_has_its_own_episode_and_the_switch_is_on_while_any_is_raised() -> None:
    alarm = Alarm([replace(RULE, per_face=True)])
    readings = {float(s): [negative(s, 1)] for s in (1, 2, 3)}
    for s in (3.0, 4.0, 5.0):
        readings.setdefault(s, []).append(negative(s, 2))
    on, events = [], []
    for second in range(30):
        events += alarm.update(frame(second), readings.get(second, []))
        on.append(alarm.raised()["sad"])
    assert [(a.face, a.event_type) for a in events] == [
        (1, RAISED),
        (2, RAISED),
        (1, CLEARED),
        (2, CLEARED),
    ]
    assert events[0].episode == events[2].episode != events[1].episode == events[3].episode
    assert [second for second in range(30) if on[second]] == list(range(3, 14))


def test_a_face_that_stays_away_for_the_window_is_cleared_though_nobody_is_there() -> None:
    alarm = Alarm([replace(RULE, per_face=True, clear_count=0)])
    events = [
        (s, a.event_type)
        for s, alerts in played(alarm, {float(s): [negative(s, 7)] for s in (1, 2, 3)}, 40)
        for a in alerts
    ]
    assert events == [(3, RAISED), (13, CLEARED)]
    assert alarm.raised() == {"sad": False}


def test_an_alert_says_all_that_is_to_be_known() -> None:
    ids = map(str, count(1))
    alarm = Alarm([RULE], new_id=lambda: next(ids))
    readings = {float(s): [negative(s)] for s in (1, 2, 3)}
    raised, cleared = [a for _, alerts in played(alarm, readings, 20) for a in alerts]
    assert raised == Alert(
        id="2",
        episode="1",
        event_type=RAISED,
        name="sad",
        face=None,
        count=3,
        window_s=10.0,
        emotions=("sad",),
        time=frame(3).time,
    )
    assert (cleared.id, cleared.episode, cleared.count) == ("3", "1", 1)


def test_rules_do_not_disturb_each_other() -> None:
    quick = replace(RULE, name="quick", count=1, clear_count=0, window_s=2.0, cooldown_s=0.0)
    alarm = Alarm([RULE, quick])
    events = [
        (s, a.name, a.event_type)
        for s, alerts in played(alarm, {1.0: [negative(1)], 5.0: [negative(5)]}, 10)
        for a in alerts
    ]
    assert events == [
        (1, "quick", RAISED),
        (3, "quick", CLEARED),
        (5, "quick", RAISED),
        (7, "quick", CLEARED),
    ]


def test_a_rule_without_emotions_is_never_raised() -> None:
    assert sad_at(1, 2, 3, rule=replace(RULE, emotions=())) == []


@pytest.mark.parametrize("name", ["sad", "no longer configured"])
def test_what_an_earlier_process_left_raised_is_cleared_at_the_first_frame(name: str) -> None:
    left = Episode(name, 5, "abc", ("sad",), 60.0)
    alarm = Alarm([RULE], [left])
    assert alarm.raised()[name]
    (alert,) = alarm.update(frame(0), [])
    assert (alert.event_type, alert.episode, alert.name, alert.face) == (CLEARED, "abc", name, 5)
    assert not alarm.raised()[name]
    assert alarm.update(frame(1), []) == ()


def test_faces_that_came_and_went_are_forgotten() -> None:
    alarm = Alarm([replace(RULE, per_face=True, cooldown_s=5.0)])
    for second in range(2000):
        alarm.update(frame(second), [negative(second, face=second)])
    assert len(alarm._counts) < 20


class Naive:
    """The rule as its documentation words it, over all readings ever, without any cleverness."""

    def __init__(self, rule: AlertRule) -> None:
        self.rule, self.all = rule, []
        self.raised: dict[int | None, bool] = {}
        self.cleared_s: dict[int | None, float] = {}

    def update(self, now: float, readings: Sequence[Reading]) -> set[tuple[int | None, str]]:
        self.all += readings
        faces = {r.face for r in self.all} if self.rule.per_face else {None}
        return {event for face in faces if (event := self.judge(face, now))}

    def judge(self, face: int | None, now: float) -> tuple[int | None, str] | None:
        number = sum(
            r.emotion in self.rule.emotions
            and r.confidence >= self.rule.min_confidence
            and r.source_s > now - self.rule.window_s
            and (face is None or r.face == face)
            for r in self.all
        )
        if self.raised.get(face):
            if number > self.rule.clear_count:
                return None
            self.raised[face], self.cleared_s[face] = False, now
            return face, "cleared"
        cool = now - self.cleared_s.get(face, -1e9) >= self.rule.cooldown_s
        if number < self.rule.count or not cool:
            return None
        self.raised[face] = True
        return face, "raised"


@given(
    rule=st.builds(
        AlertRule,
        name=st.just("x"),
        emotions=st.sampled_from([("sad",), ("sad", "angry")]),
        count=st.integers(2, 5),
        window_s=st.integers(1, 12).map(float),
        clear_count=st.integers(0, 1),
        min_confidence=st.sampled_from([0.0, 0.5]),
        cooldown_s=st.integers(0, 10).map(float),
        per_face=st.booleans(),
    ),
    frames=st.lists(
        st.lists(
            st.tuples(
                st.integers(1, 3),
                st.sampled_from(["sad", "angry", "happy"]),
                st.sampled_from([0.4, 0.6]),
            ),
            max_size=3,
        ),
        max_size=60,
    ),
)
@settings(deadline=None, max_examples=300)
def test_it_does_what_a_naive_reading_of_the_rule_does(
    rule: AlertRule, frames: list[list[tuple[int, str, float]]]
) -> None:
    alarm, naive = Alarm([rule]), Naive(rule)
    for second, seen in enumerate(frames):
        readings = [
            negative(second, face, confidence, emotion) for face, emotion, confidence in seen
        ]
        events = {(a.face, a.event_type.value) for a in alarm.update(frame(second), readings)}
        assert events == naive.update(float(second), readings)
        assert alarm.raised()["x"] == any(naive.raised.values())


# Without a face


def blind(*times: float, after_s: float, until_s: int, left: Episode | None = None) -> list[str]:
    """Second and event of every alert, happy readings coming at `times`."""
    alarm = Alarm([RULE], [left] if left else [], blind_after_s=after_s)
    readings = {t: [reading(t)] for t in times}
    return [
        f"{second} {alert.name} {alert.event_type}"
        for second, alerts in played(alarm, readings, until_s)
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
    assert Alarm([RULE]).raised() == {"sad": False}


def test_blind_says_what_an_alert_says_and_belongs_to_no_face() -> None:
    alarm = Alarm([RULE], blind_after_s=20)
    assert alarm.raised() == {"sad": False, "blind": False}
    raised, cleared = [
        alert for _, alerts in played(alarm, {30: [reading(30)]}, 31) for alert in alerts
    ]
    assert (raised.name, raised.face, raised.emotions) == ("blind", None, ())
    assert (raised.count, raised.window_s) == (0, 20)
    assert raised.episode == cleared.episode
    assert raised.id != cleared.id
    assert alarm.negative() == {"sad": 0}, "it counts no readings"


def test_a_process_that_died_blind_stays_so_until_there_is_a_face() -> None:
    left = Episode("blind", None, "before", (), 20.0)
    assert blind(7, after_s=20, until_s=15, left=left) == ["7 blind cleared"]
    alarm = Alarm([RULE], [left], blind_after_s=20)
    assert alarm.raised()["blind"]
    assert alarm.update(frame(0), [reading(0)])[0].episode == "before"


def test_where_blind_was_switched_off_it_ends_at_the_first_frame() -> None:
    left = Episode("blind", None, "before", (), 20.0)
    assert blind(after_s=0, until_s=15, left=left) == ["0 blind cleared"]
