"""A snooze, a test, another count: what people ask of alerts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.alerts.requests import TEST_S
from edge.alerts.rules import Rules
from edge.alerts.trend import Daily
from edge.config.alerts import AlertConfig
from edge.records import Alert, AlertEvent
from tests.support.samples import frame, reading

RULE = AlertConfig("sad", ("sad",), 3, 10.0, 1, 0.4, cooldown_s=20.0)
RAISED, CLEARED = AlertEvent.RAISED, AlertEvent.CLEARED


def at(rules: Rules, *seconds: float, emotion: str = "sad") -> list[Alert]:
    """The alerts of a reading at each of these seconds."""
    return [
        alert
        for second in seconds
        for alert in rules.update(frame(second), [reading(second, 1, emotion)])
    ]


def snooze(rules: Rules, second: float, seconds: float, name: str = "sad") -> None:
    rules.snooze(name, seconds, frame(second).time, second)


def kinds(alerts: list[Alert]) -> list[AlertEvent]:
    return [alert.event_type for alert in alerts]


def test_while_it_is_snoozed_nothing_is_raised_and_counting_goes_on() -> None:
    rules = Rules([RULE])
    at(rules, 0)
    snooze(rules, 0, 30.0)
    assert at(rules, 1, 2, 3) == []
    assert rules.raised() == {"sad": False}
    assert rules.negative() == {"sad": 4}
    assert rules.snoozed() == ("sad",)


def test_what_is_still_true_in_the_end_is_raised_then() -> None:
    rules = Rules([RULE])
    snooze(rules, 0, 30.0)
    assert at(rules, *range(30)) == []
    (raised,) = at(rules, 30)
    assert (raised.event_type, raised.count, raised.emotion) == (RAISED, 10, "sad")
    assert rules.raised() == {"sad": True}
    assert rules.snoozed() == ()
    (cleared,) = at(rules, 60, emotion="happy")
    assert (cleared.event_type, cleared.episode) == (CLEARED, raised.episode)


def test_what_ended_meanwhile_is_never_heard_of() -> None:
    rules = Rules([RULE])
    snooze(rules, 0, 30.0)
    assert at(rules, 1, 2, 3) == []
    assert at(rules, 25, 29, 30, 31, emotion="happy") == []
    assert rules.raised() == {"sad": False}


def test_one_that_is_raised_is_told_to_be_over_and_raised_again_if_it_still_is() -> None:
    rules = Rules([RULE])
    (first,) = at(rules, 0, 1, 2)
    snooze(rules, 2, 5.0)
    (cleared,) = at(rules, 3)
    assert (cleared.event_type, cleared.episode) == (CLEARED, first.episode)
    assert cleared.reason == "snoozed"
    assert rules.raised() == {"sad": False}
    assert at(rules, 4, 6.9) == []
    (again,) = at(rules, 7)
    assert (again.event_type, again.episode) == (RAISED, first.episode)
    assert len({first.id, cleared.id, again.id}) == 3


def test_a_second_snooze_is_longer_and_zero_ends_it() -> None:
    rules = Rules([RULE])
    at(rules, 0, 1, 2)
    snooze(rules, 2, 5.0)
    snooze(rules, 3, 10.0)
    assert kinds(at(rules, 4)) == [CLEARED], "once"
    assert at(rules, 8, 9) == []
    snooze(rules, 9, 0)
    assert kinds(at(rules, 9.5)) == [RAISED]
    snooze(rules, 10, 0)
    assert at(rules, 10.5) == [], "nothing to end"


def test_a_snooze_survives_a_restart_and_goes_on_meanwhile() -> None:
    rules = Rules([RULE])
    at(rules, 0, 1, 2)
    snooze(rules, 2, 60.0)
    at(rules, 3)
    later = Rules([RULE], state=rules.state())
    assert later.raised() == {"sad": False}
    assert at(later, 8, 9) == []
    after_reboot = replace(frame(0), time=frame(61).time)
    rebooted = Rules([RULE], state=later.state()._replace(monotonic_s=None))
    assert rebooted.update(after_reboot, []) == ()
    over = replace(frame(1.5), time=frame(62.5).time)
    rebooted.update(over, [])
    assert rebooted.snoozed() == (), "60 s of the clock on the wall have passed"


def test_a_snooze_before_the_first_frame_counts_from_then() -> None:
    rules = Rules([RULE])
    snooze(rules, 100, 30.0)
    assert at(rules, 110, 111, 112) == []
    assert rules.snoozed()
    assert at(rules, 130) == [], "what was counted is too old, and was never told"
    assert rules.snoozed() == ()


def test_a_pause_goes_on_snoozing_and_tells_nothing() -> None:
    rules = Rules([RULE])
    at(rules, 0, 1, 2)
    snooze(rules, 2, 60.0)
    assert kinds(list(rules.pause(frame(3).time, 3))) == [CLEARED]
    assert rules.pause(frame(30).time, 30) == ()
    assert at(rules, 40, 41, 42) == []


def test_a_snooze_of_an_alert_that_is_not_configured_any_more_is_forgotten() -> None:
    rules = Rules([RULE])
    at(rules, 0)
    snooze(rules, 0, 60.0)
    other = Rules([replace(RULE, name="other")], state=rules.state())
    assert other.snoozed() == ()
    with pytest.raises(KeyError):
        snooze(other, 0, 60.0)


def test_alerts_that_count_nothing_are_snoozed_alike() -> None:
    rules = Rules([], absent_after_s=10.0)
    rules.update(frame(0), [])
    snooze(rules, 0, 100.0, "blind")
    assert rules.update(frame(50), []) == ()
    (raised,) = rules.update(frame(100), [])
    assert (raised.name, raised.event_type, raised.count) == ("blind", RAISED, 0)


def test_a_test_is_raised_and_cleared_and_changes_no_count() -> None:
    rules = Rules([RULE])
    at(rules, 0)
    rules.test("sad", 0.0)
    rules.test("sad", 0.0)
    (raised,) = at(rules, 1, emotion="happy")
    assert (raised.event_type, raised.test, raised.count) == (RAISED, True, 3)
    assert rules.raised() == {"sad": True}
    (cleared,) = at(rules, TEST_S, emotion="happy")
    assert (cleared.event_type, cleared.test, cleared.episode) == (CLEARED, True, raised.episode)
    assert rules.raised() == {"sad": False}
    assert rules.negative() == {"sad": 1}


def test_a_test_that_a_restart_or_a_reload_interrupts_is_cleared() -> None:
    rules = Rules([RULE])
    rules.test("sad", 0.0)
    (raised,) = at(rules, 0, emotion="happy")
    for configs, left in (
        ([RULE], {"sad": False}),
        ([replace(RULE, name="other")], {"other": False}),
    ):
        again = Rules(configs, state=rules.state())
        (cleared,) = at(again, 1, emotion="happy")
        assert (cleared.name, cleared.event_type, cleared.test) == ("sad", CLEARED, True)
        assert cleared.episode == raised.episode
        assert again.raised() == left
        assert at(again, 2, emotion="happy") == []
        assert again.state().tests == ()


def test_a_test_of_an_alert_that_counts_nothing_is_like_the_alert_itself() -> None:
    daily = Daily(("angry", "sad"), lambda _: {})
    rules = Rules([], absent_after_s=3600.0, daily=daily)
    for name in ("blind", "trend"):
        rules.test(name, 0.0)
    found = [(a.name, a.count, a.window_s, a.emotions, a.test) for a in rules.idle(0.0)]
    assert found == [
        ("blind", 0, 3600.0, (), True),
        ("trend", 0, 7 * 86400.0, ("angry", "sad"), True),
    ]


def test_a_test_needs_no_camera_and_is_heard_in_a_snooze_and_a_pause() -> None:
    rules = Rules([RULE])
    snooze(rules, 0, 60.0)
    rules.test("sad", 0.0)
    assert kinds(list(rules.idle(0.0))) == [RAISED]
    assert rules.raised() == {"sad": True}
    assert kinds(list(rules.pause(frame(9).time, 9.0))) == [CLEARED]
    assert rules.raised() == {"sad": False}


def test_another_count_holds_at_once() -> None:
    rules = Rules([RULE])
    at(rules, 0, 1)
    rules.configure(replace(RULE, count=2, clear_count=1))
    assert kinds(at(rules, 1.5, emotion="happy")) == [RAISED]
