"""The rule: raised at a number of readings in a window, cleared below, silent for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.alerts.rules import Rules
from edge.config.alerts import AlertConfig
from edge.notes import DOUBTS, Note
from edge.records import Alert, AlertEvent, Reading
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


def negative(at_s: float, face: int = 1, confidence: float = 0.5, emotion: str = "sad") -> Reading:
    labels = ("happy", "neutral", emotion)
    return reading(at_s, face, emotion, confidence=confidence, labels=labels)


def sad_at(*times: float, rule: AlertConfig = RULE, until_s: int = 60) -> list[tuple[float, str]]:
    """When which event comes, a frame every second and sad readings at `times`."""
    return [
        (float(second), alert.event_type.value)
        for second, alerts in played(Rules([rule]), {t: [negative(t)] for t in times}, until_s)
        for alert in alerts
    ]


def played(
    rules: Rules, readings: dict[float, list[Reading]], until_s: int
) -> list[tuple[int, Sequence[Alert]]]:
    return [(s, rules.update(frame(s), readings.get(s, []))) for s in range(until_s)]


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


@pytest.mark.parametrize("note", DOUBTS)
def test_a_reading_that_is_not_clear_does_not_count(note: Note) -> None:
    rules = Rules([RULE])
    for second in range(20):
        unclear = replace(negative(second), notes=(Note.CLOCK, note))
        assert rules.update(frame(second), [unclear]) == ()
    assert rules.negative() == {"sad": 0}


def test_a_clock_that_is_not_right_says_nothing_of_the_face() -> None:
    rules = Rules([RULE])
    rules.update(frame(0), [replace(negative(0), notes=(Note.CLOCK,))])
    assert rules.negative() == {"sad": 1}


HALF = replace(RULE, share=0.5, window_s=100.0, clear_count=2)


def among(others: int, notes: tuple[Note, ...] = ()) -> list[Reading]:
    """A sad reading of one face, and readings of other faces that are not sad."""
    faces = [negative(0, face, 0.1) for face in range(2, 2 + others)]
    return [negative(0), *(replace(face, notes=notes) for face in faces)]


def test_the_count_alone_does_not_raise_it_among_many_other_readings() -> None:
    for others, raised in ((1, True), (2, False)):
        rules = Rules([HALF])
        alerts = [a for s in range(50) for a in rules.update(frame(s), among(others))]
        assert [alert.event_type for alert in alerts] == [RAISED] * raised
        assert rules.negative() == {"sad": 50}
        assert rules.shares() == {"sad": 1 / (1 + others)}


def test_the_share_is_that_of_the_face_whose_count_is_told() -> None:
    rules = Rules([replace(HALF, per_face=True)])
    assert rules.shares() == {"sad": 0.0}
    for second in range(4):
        happy, sad = negative(second, 1, 0.1), negative(second, 2)
        rules.update(frame(second), [happy, sad] if second else [happy, negative(second, 2, 0.1)])
    assert rules.negative() == {"sad": 3}
    assert rules.shares() == {"sad": 0.75}


def test_a_shorter_interval_does_not_reach_the_share_by_itself() -> None:
    for interval_s in (1.0, 0.1):
        rules = Rules([HALF])
        for at in range(round(50 / interval_s)):
            sad = at % 5 == 0
            reading = negative(at * interval_s, confidence=0.5 if sad else 0.1)
            assert rules.update(frame(at * interval_s), [reading]) == ()
        assert rules.negative()["sad"] >= 10 > HALF.count


def test_readings_that_are_not_clear_are_no_part_of_the_share() -> None:
    rules = Rules([HALF])
    alerts = [a for s in range(3) for a in rules.update(frame(s), among(9, (Note.DARK,)))]
    assert [alert.event_type for alert in alerts] == [RAISED]


def test_others_that_have_left_the_window_are_no_part_of_the_share() -> None:
    rules = Rules([replace(HALF, window_s=10.0)])
    happy = [negative(0, confidence=0.1)]
    for second in range(9):
        rules.update(frame(second), happy)
    # Three of them raise it when no more than three of the nine others are left, those of 6, 7, 8.
    raised = [s for s in range(9, 19) if rules.update(frame(s), [negative(s)] if s < 12 else [])]
    assert raised[0] == 15


def test_it_is_cleared_when_the_share_has_fallen_as_far_as_the_count_would_have_to() -> None:
    rules = Rules([replace(HALF, count=4, clear_count=2)])
    for second in range(4):
        alerts = rules.update(frame(second), [negative(second)])
    assert [alert.event_type for alert in alerts] == [RAISED]
    happy = {s: [negative(s, confidence=0.1)] for s in range(4, 99)}
    cleared = [s for s in happy if rules.update(frame(s), happy[s])]
    assert cleared[0] == 16, "four of the 16 before are a quarter, half the share"


def test_without_a_share_the_count_alone_raises_it() -> None:
    rules = Rules([replace(HALF, share=0.0)])
    alerts = [a for s in range(50) for a in rules.update(frame(s), among(9))]
    assert [alert.event_type for alert in alerts] == [RAISED]


def test_per_face_the_share_is_that_of_the_face() -> None:
    rules = Rules([replace(HALF, per_face=True)])
    alerts = [a for s in range(3) for a in rules.update(frame(s), among(9))]
    assert [(alert.face, alert.event_type) for alert in alerts] == [(1, RAISED)]


def test_the_share_survives_a_restart_and_a_state_without_it_is_one_of_negative_readings() -> None:
    rules = Rules([HALF])
    for second in range(2):
        rules.update(frame(second), among(9))
    state = rules.state()
    again = Rules([HALF], state=state)
    assert again.update(frame(2), among(0)) == (), "3 of 21"
    (rule,) = state.rules
    earlier = rule._replace(windows=tuple(w._replace(others=()) for w in rule.windows))
    before = Rules([HALF], state=state._replace(rules=(earlier,)))
    assert [a.event_type for a in before.update(frame(2), among(0))] == [RAISED]


def test_what_is_remembered_of_a_long_window_is_bounded() -> None:
    rules = Rules([replace(RULE, window_s=3600.0)])
    for second in range(0, 7200):
        rules.update(frame(second), [negative(second, confidence=0.1)])
    (window,) = rules.state().rules[0].windows
    assert len(window.others) <= 121
    assert 3540 < sum(number for _, number in window.others) <= 3600


def test_other_emotions_and_doubtful_readings_do_not_count() -> None:
    rules = Rules([RULE])
    for second in range(20):
        doubtful = negative(second, confidence=0.39)
        angry = negative(second, emotion="angry")
        assert rules.update(frame(second), [doubtful, angry]) == ()
    assert rules.negative() == {"sad": 0}
    rules.update(frame(20), [negative(20, confidence=0.4)])
    assert rules.negative() == {"sad": 1}


def test_all_faces_count_together_unless_per_face() -> None:
    readings = {float(s): [negative(s, face=s)] for s in range(3)}
    ((_, (together,)),) = [e for e in played(Rules([RULE]), readings, 5) if e[1]]
    assert (together.face, together.count) == (None, 3)
    apart = Rules([replace(RULE, per_face=True)])
    assert [e for e in played(apart, readings, 5) if e[1]] == []


def test_each_face_has_its_own_episode_and_the_switch_is_on_while_any_is_raised() -> None:
    rules = Rules([replace(RULE, per_face=True)])
    readings = {float(s): [negative(s, 1)] for s in (1, 2, 3)}
    for s in (3.0, 4.0, 5.0):
        readings.setdefault(s, []).append(negative(s, 2))
    on: list[bool] = []
    events: list[Alert] = []
    for second in range(30):
        events += rules.update(frame(second), readings.get(second, []))
        on.append(rules.raised()["sad"])
    assert [(a.face, a.event_type) for a in events] == [
        (1, RAISED),
        (2, RAISED),
        (1, CLEARED),
        (2, CLEARED),
    ]
    assert events[0].episode == events[2].episode != events[1].episode == events[3].episode
    assert [second for second in range(30) if on[second]] == list(range(3, 14))


def test_a_face_that_stays_away_for_the_window_is_cleared_though_nobody_is_there() -> None:
    rules = Rules([replace(RULE, per_face=True, clear_count=0)])
    events = [
        (s, a.event_type)
        for s, alerts in played(rules, {float(s): [negative(s, 7)] for s in (1, 2, 3)}, 40)
        for a in alerts
    ]
    assert events == [(3, RAISED), (13, CLEARED)]
    assert rules.raised() == {"sad": False}


def test_an_alert_says_all_that_is_to_be_known() -> None:
    ids = map(str, count(1))
    rules = Rules([RULE], new_id=lambda: next(ids))
    readings = {float(s): [negative(s)] for s in (1, 2, 3)}
    raised, cleared = [a for _, alerts in played(rules, readings, 20) for a in alerts]
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
        reason="3 negative of 3 clear readings in 10 s",
        emotion="sad",
    )
    assert str(raised) == "alert 'sad' raised: 3 negative of 3 clear readings in 10 s"
    assert (cleared.id, cleared.episode, cleared.count) == ("3", "1", 1)
    assert cleared.emotion == "sad"
    assert str(cleared) == "alert 'sad' cleared: 1 negative of 1 clear reading in 10 s"


def test_the_log_names_the_face_of_an_alert_per_face() -> None:
    rules = Rules([replace(RULE, per_face=True)])
    readings = {float(s): [negative(s, 7)] for s in (1, 2, 3)}
    ((_, (raised,)),) = [event for event in played(rules, readings, 5) if event[1]]
    said = "alert 'sad' raised for face 7: 3 negative of 3 clear readings in 10 s"
    assert str(raised) == said


def test_rules_do_not_disturb_each_other() -> None:
    quick = replace(RULE, name="quick", count=1, clear_count=0, window_s=2.0, cooldown_s=0.0)
    rules = Rules([RULE, quick])
    events = [
        (s, a.name, a.event_type)
        for s, alerts in played(rules, {1.0: [negative(1)], 5.0: [negative(5)]}, 10)
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


def test_faces_that_came_and_went_are_forgotten() -> None:
    rules = Rules([replace(RULE, per_face=True, cooldown_s=5.0)])
    for second in range(2000):
        rules.update(frame(second), [negative(second, face=second)])
    assert len(rules.state().rules[0].windows) < 20


class Naive:
    """The rule as its documentation words it, over all readings ever, without any cleverness."""

    def __init__(self, rule: AlertConfig) -> None:
        self.rule = rule
        self.all: list[Reading] = []
        self.raised: dict[int | None, bool] = {}
        self.cleared_s: dict[int | None, float] = {}

    def update(self, now: float, readings: Sequence[Reading]) -> set[tuple[int | None, str]]:
        self.all += readings
        faces = {r.face for r in self.all} if self.rule.per_face else {None}
        return {event for face in faces if (event := self.judge(face, now))}

    def judge(self, face: int | None, now: float) -> tuple[int | None, str] | None:
        clear = [
            r
            for r in self.all
            if not set(r.notes) & {"dark", "undecided"}
            and r.source_s > now - self.rule.window_s
            and (face is None or r.face == face)
        ]
        number = sum(
            r.emotion in self.rule.emotions and r.confidence >= self.rule.min_confidence
            for r in clear
        )
        share = number / len(clear) if clear else 0.0
        if self.raised.get(face):
            least = self.rule.share * self.rule.clear_count / self.rule.count
            if number > self.rule.clear_count and share >= least:
                return None
            self.raised[face], self.cleared_s[face] = False, now
            return face, "cleared"
        cool = now - self.cleared_s.get(face, -1e9) >= self.rule.cooldown_s
        if number < self.rule.count or share < self.rule.share or not cool:
            return None
        self.raised[face] = True
        return face, "raised"


@given(
    rule=st.builds(
        AlertConfig,
        name=st.just("x"),
        emotions=st.sampled_from([("sad",), ("sad", "angry")]),
        count=st.integers(2, 5),
        window_s=st.integers(1, 12).map(float),
        clear_count=st.integers(0, 1),
        min_confidence=st.sampled_from([0.0, 0.5]),
        share=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
        cooldown_s=st.integers(0, 10).map(float),
        per_face=st.booleans(),
    ),
    frames=st.lists(
        st.lists(
            st.tuples(
                st.integers(1, 3),
                st.sampled_from(["sad", "angry", "happy"]),
                st.sampled_from([0.4, 0.6]),
                st.sampled_from([(), (), (Note.CLOCK,), (Note.DARK,), (Note.UNDECIDED,)]),
            ),
            max_size=3,
        ),
        max_size=60,
    ),
)
@settings(deadline=None, max_examples=300)
def test_it_does_what_a_naive_reading_of_the_rule_does(
    rule: AlertConfig, frames: list[list[tuple[int, str, float, tuple[Note, ...]]]]
) -> None:
    rules, naive = Rules([rule]), Naive(rule)
    for second, seen in enumerate(frames):
        readings = [
            replace(negative(second, face, confidence, emotion), notes=notes)
            for face, emotion, confidence, notes in seen
        ]
        events = {(a.face, a.event_type.value) for a in rules.update(frame(second), readings)}
        assert events == naive.update(float(second), readings)
        assert rules.raised()["x"] == any(naive.raised.values())
