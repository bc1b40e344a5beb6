"""Windows, cooldowns and raised alerts over a restart: on disk, and as a subscriber hears of it."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge import clock
from edge.alert_state import AlertState, RuleState, WindowState
from edge.config.alerts import AlertConfig
from edge.config.schema import MqttConfig
from edge.messaging.outbox import NAME, Outbox
from tests.conftest import Mosquitto
from tests.support.mqtt import alerts, at, listening, retained, texts
from tests.support.pipeline import Pipeline, alert, reading, running
from tests.support.samples import frame

STATE = AlertState(
    (
        RuleState(
            "negative",
            ("angry", "sad"),
            120.0,
            (
                WindowState(None, (10.125, 11.5), "episode-1", 0.0, "sad", ((9.0, 3), (10.5, 1))),
                WindowState(3, (), None, 310.0),
            ),
        ),
    ),
    12.25,
    datetime(2026, 3, 1, 12, tzinfo=UTC),
    700.5,
)
EMPTY = AlertState()


def kept(directory: Path) -> AlertState | None:
    with Outbox(directory) as outbox:
        return outbox.alert_state


def test_what_the_rules_remember_is_there_again_exactly(tmp_path: Path) -> None:
    assert kept(tmp_path) is None
    with Outbox(tmp_path) as outbox:
        outbox.keep(STATE)
    assert kept(tmp_path) == STATE
    with Outbox(tmp_path) as outbox:
        outbox.keep(EMPTY)
    assert kept(tmp_path) == EMPTY


def test_an_alert_and_the_state_after_it_are_in_one_transaction(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.keep(EMPTY)
        with closing(sqlite3.connect(tmp_path / NAME)) as other:
            no = "BEGIN SELECT RAISE(ABORT, 'no'); END"
            other.execute(f"CREATE TRIGGER no BEFORE INSERT ON alert_state {no}")
            other.commit()
            outbox.keep(STATE, [alert()])
            assert other.execute("SELECT count(*) FROM waiting").fetchone() == (0,)
            other.execute("DROP TRIGGER no")
            other.commit()
        outbox.recover()
    with Outbox(tmp_path) as outbox:
        assert (list(outbox.waiting), outbox.alert_state) == (["id-1"], STATE)


def test_nothing_is_written_while_only_time_passes(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.keep(STATE)
        before = (tmp_path / NAME).stat().st_mtime_ns
        outbox.keep(STATE._replace(source_s=500.0))
        assert (tmp_path / NAME).stat().st_mtime_ns == before


def test_the_monotonic_clock_of_another_boot_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.keep(STATE)
    (tmp_path / "boot").write_text("another\n")
    monkeypatch.setattr(clock, "BOOT_ID", tmp_path / "boot")
    assert kept(tmp_path) == STATE._replace(monotonic_s=None)


def test_a_state_of_an_earlier_version_has_no_monotonic_clock(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.keep(STATE)
    with closing(sqlite3.connect(tmp_path / NAME)) as database, database:
        ((text,),) = database.execute("SELECT state FROM alert_state")
        earlier = json.dumps(json.loads(text)[:4])
        database.execute("UPDATE alert_state SET state = ?", (earlier,))
    assert kept(tmp_path) == STATE._replace(monotonic_s=None)


def test_a_test_that_is_raised_is_remembered(tmp_path: Path) -> None:
    tested = STATE._replace(tests=(("sad", "episode"),))
    with Outbox(tmp_path) as outbox:
        outbox.keep(STATE)
        outbox.keep(tested)
    assert kept(tmp_path) == tested
    with closing(sqlite3.connect(tmp_path / NAME)) as database, database:
        ((text,),) = database.execute("SELECT state FROM alert_state")
        earlier = json.dumps(json.loads(text)[:6])
        database.execute("UPDATE alert_state SET state = ?", (earlier,))
    assert kept(tmp_path) == STATE, "an earlier version's"


def test_a_state_of_an_earlier_version_has_only_the_readings_that_counted(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.keep(STATE)
    with closing(sqlite3.connect(tmp_path / NAME)) as database, database:
        ((text,),) = database.execute("SELECT state FROM alert_state")
        found = json.loads(text)
        for rule in found[3]:
            rule[3] = [window[:5] for window in rule[3]]
        database.execute("UPDATE alert_state SET state = ?", (json.dumps(found),))
    state = kept(tmp_path)
    assert state is not None
    assert state.rules[0].windows == tuple(
        window._replace(others=()) for window in STATE.rules[0].windows
    )


def test_clear_readings_are_written_where_some_count_beside_them(tmp_path: Path) -> None:
    rule = STATE.rules[0]
    counted, none = rule.windows

    def written(*windows: WindowState) -> bool:
        before = (tmp_path / NAME).stat().st_mtime_ns
        outbox.keep(STATE._replace(rules=(rule._replace(windows=windows),)))
        return (tmp_path / NAME).stat().st_mtime_ns != before

    with Outbox(tmp_path) as outbox:
        outbox.keep(STATE)
        assert not written(counted, none._replace(others=((12.0, 1),)), WindowState(4))
        assert not written(counted, none, WindowState(5, others=((12.0, 1),)))
        assert written(counted._replace(others=((9.0, 3), (10.5, 2))), none)


@pytest.mark.parametrize(
    "text", ["{", "[]", "null", '["b", "no time", 1, []]', '["b", null, 1, [["name"]]]']
)
def test_a_state_that_is_not_ours_is_a_damaged_database(tmp_path: Path, text: str) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.keep(STATE, [alert()])
    with closing(sqlite3.connect(tmp_path / NAME)) as database, database:
        database.execute("UPDATE alert_state SET state = ?", (text,))
    assert kept(tmp_path) is None
    assert (tmp_path / "outbox.damaged").exists()


#: Three of the last sixty seconds' readings raise it, one or none clears it.
SLOW = AlertConfig("negative", ("sad",), 3, 60.0, 1, 0.0, cooldown_s=1000.0)


def test_a_restart_neither_clears_a_raised_alert_nor_forgets_what_was_counted(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with listening(broker) as subscriber:
        for emotions in (("sad",), ("sad", "sad")):  # two readings are missing, then none
            with running(tmp_path, at(broker), SLOW) as pipeline:
                for emotion in emotions:
                    pipeline.frame(emotion)
        with running(tmp_path, at(broker), SLOW) as pipeline:
            pipeline.frame()
            pipeline.wait_for(lambda: alerts(subscriber), "raised")
            assert pipeline.rules.raised() == {"negative": True}
            assert retained(broker)["alert/negative"] == "ON"
            for _ in range(70):
                pipeline.frame("happy")
            pipeline.wait_for(lambda: len(alerts(subscriber)) == 2, "cleared, a minute later")
        with running(tmp_path, at(broker), SLOW) as pipeline:
            for _ in range(10):
                pipeline.frame("sad")
            assert pipeline.rules.raised() == {"negative": False}, "the cooldown goes on"
        heard = alerts(subscriber)
    assert [a["event_type"] for a in heard] == ["raised", "cleared"]
    assert heard[0]["episode"] == heard[1]["episode"]
    assert texts(subscriber, "alert/negative").count("ON") >= 1


def test_a_reload_that_adds_an_alert_does_not_touch_the_raised_one(
    broker: Mosquitto, tmp_path: Path
) -> None:
    other = dataclasses.replace(SLOW, name="other", emotions=("angry",))
    with listening(broker) as subscriber:
        with running(tmp_path, at(broker), SLOW) as pipeline:
            for _ in range(3):
                pipeline.frame("sad")
            pipeline.wait_for(lambda: alerts(subscriber), "raised")
        before = len(texts(subscriber, "alert/negative"))
        with running(tmp_path, at(broker), SLOW, other) as pipeline:
            pipeline.frame()
            pipeline.wait_for(lambda: "alert/other" in retained(broker), "the new alert's topic")
            assert json.loads(retained(broker)["state"])["negative"]["negative"] >= 2
        assert set(texts(subscriber, "alert/negative")[before:]) == {"ON"}
        assert len(alerts(subscriber)) == 1


@pytest.mark.parametrize(("window_s", "interval_s"), [(1.0, 5.0), (60.0, 15.0), (3600.0, 30.0)])
def test_a_kill_costs_at_most_a_quarter_of_the_window(
    tmp_path: Path, window_s: float, interval_s: float
) -> None:
    rule = dataclasses.replace(SLOW, window_s=window_s, count=9)
    pipeline = Pipeline(tmp_path, MqttConfig("127.0.0.1"), rule)

    def counted() -> int:
        """What another process would find, were this one killed now."""
        with closing(sqlite3.connect(tmp_path / NAME)) as other:
            ((text,),) = other.execute("SELECT state FROM alert_state")
        windows = json.loads(text)[3][0][3]
        return sum(len(times_s) for _, times_s, *_ in windows)

    first = pipeline.frame("sad")
    assert first == ()
    assert counted() == 1
    snapshot = pipeline.status.silence(time.monotonic(), pipeline.rules)
    pipeline.rules.update(frame(1.5), [reading("sad", 1.5)])
    for later_s, expected in ((interval_s - 1, 1), (interval_s + 1, 2)):
        later = dataclasses.replace(snapshot, monotonic_s=snapshot.monotonic_s + later_s)
        pipeline.publisher.tell(later, ())
        assert counted() == expected
    pipeline.close()
