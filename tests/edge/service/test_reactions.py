"""Actions and notifications of the service as a whole, in processes of its own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from edge.diary import daily
from edge.messaging.outbox import NAME
from tests.conftest import Mosquitto, wait_for
from tests.support.hours import home
from tests.support.mqtt import NewBroker, alerts, listening, texts
from tests.support.receiver import Mood, receiver
from tests.support.service import CLIP, HASTY_ALERT, service
from tests.support.videos import video

pytestmark = pytest.mark.slow


def lines(directory: Path, mqtt: str = "", *more: str) -> str:
    return "\n".join(
        (
            'device = "pi"',
            mqtt,
            f'[camera]\nsource = "{CLIP}"\n[diary]\ndirectory = "{directory}/log"',
            f'[state]\ndirectory = "{directory}/state"\n{HASTY_ALERT}',
            *more,
        )
    )


def notify(url: str, on: str = "raised") -> str:
    return f'[[alerts.notify]]\nntfy = "{url}"\non = "{on}"\nmessage = "{{name}} {on}"'


def test_without_a_broker_a_person_is_told_even_after_a_kill(tmp_path: Path) -> None:
    with receiver() as server:
        text = lines(tmp_path, "", notify(server.url), notify(server.url, "cleared"))
        server.mood = Mood.HANGS
        with service(tmp_path, text, "--realtime", "--loop", 9) as running:
            wait_for(lambda: server.tries, "the first try")
            running.kill()
            assert "diary: " in running.said()
        server.mood = Mood.TAKES
        with service(tmp_path, text, "--source", CLIP) as running:
            wait_for(lambda: len(server.taken) >= 2, "both of them")
            assert running.process.wait(30) == 0
        texts = [taken.text for taken in server.taken]
        assert texts[0] == "negative raised", "the one of the killed process"
        assert "negative cleared" in texts
    assert waiting(tmp_path, "waiting") == 0


def test_a_reload_changes_the_actions(broker: Mosquitto, tmp_path: Path) -> None:
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}'

    def acting(topic: str) -> str:
        action = (
            f'[[alerts.actions]]\ntopic = "{topic}"\npayload = {{ on = true, n = "{{count}}" }}'
        )
        return lines(tmp_path, mqtt, action)

    with listening(broker, topic="#") as subscriber:

        def heard(topic: str) -> list[str]:
            return [text for _, t, text in subscriber.messages() if t == topic]

        with service(tmp_path, acting("lamp/one"), "--realtime", "--loop", 99) as running:
            wait_for(lambda: heard("lamp/one"), "the action")
            (tmp_path / "config.toml").write_text(acting("lamp/two").replace(" n =", " m ="))
            running.process.send_signal(1)
            wait_for(lambda: heard("lamp/two"), "the other action")
        assert heard("lamp/one")[0] == '{"on":true,"n":1}'
        assert heard("lamp/two")[0] == '{"on":true,"m":1}'


def waiting(directory: Path, table: str) -> int:
    """How many rows of a table are on disk."""
    with closing(sqlite3.connect(directory / "state" / NAME)) as outbox:
        (count,) = outbox.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(count)


def trend(directory: Path, mqtt: str = "", *more: str, on: str = "true") -> str:
    """The lines of a service whose alert `trend` is raised at the first frame."""
    log = directory / "log"
    log.mkdir(exist_ok=True)
    daily.store(log, home(100, date.today()))
    quiet = lines(directory, mqtt).replace("min_confidence = 0.0", "min_confidence = 1.0")
    return "\n".join((quiet, f"[trend]\nenabled = {on}", *more))


def trend_notify(url: str, on: str = "raised") -> str:
    return notify(url, on).replace("alerts.", "trend.")


def test_of_a_week_that_differs_a_person_is_told_once_through_a_kill_and_restarts(
    tmp_path: Path,
) -> None:
    with receiver() as server:
        entries = trend_notify(server.url), trend_notify(server.url, "cleared")
        text = trend(tmp_path, "", *entries)
        server.mood = Mood.HANGS
        with service(tmp_path, text, "--realtime", "--loop", 9) as running:
            wait_for(lambda: server.tries, "the first try")
            running.kill()
        server.mood = Mood.TAKES
        with service(tmp_path, text, "--realtime", "--loop", 9) as running:
            wait_for(lambda: server.taken, "the one of the killed process")
            wait_for(lambda: waiting(tmp_path, "notifications") == 0, "that it is kept no more")
            running.kill()
        with service(tmp_path, text) as running:
            assert running.process.wait(60) == 0
            assert "alert 'trend'" not in running.said(), "it is raised already"
        (tmp_path / "log" / daily.NAME).unlink()
        daily.store(tmp_path / "log", home(100, date.today(), more_s=0))
        with service(tmp_path, text, "--realtime", "--loop", 9):
            wait_for(lambda: len(server.taken) == 2, "its end")
        assert [taken.text for taken in server.taken] == ["trend raised", "trend cleared"]


def test_what_follows_trend_waits_for_the_broker_through_a_kill_and_a_reload_switches_it_off(
    new_broker: NewBroker, tmp_path: Path
) -> None:
    broker = new_broker("")
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}'
    actions = (
        '[[trend.actions]]\ntopic = "lamp"\npayload = "{name} {device}"\n'
        '[[trend.actions]]\ntopic = "lamp"\npayload = "over"\non = "cleared"'
    )
    text = trend(tmp_path, mqtt, actions)
    with service(tmp_path, text, "--realtime", "--loop", 99) as running:
        wait_for(lambda: "alert 'trend' raised" in running.said(), "the alert")
        wait_for(lambda: waiting(tmp_path, "actions") == 1, "the action on disk")
        running.kill()
    broker.start()
    with listening(broker, topic="#") as subscriber:

        def lamp() -> list[str]:
            return [text for _, topic, text in subscriber.messages() if topic == "lamp"]

        with service(tmp_path, text, "--realtime", "--loop", 99) as running:
            wait_for(lambda: lamp() == ["trend pi"], "the action")
            wait_for(lambda: waiting(tmp_path, "actions") == 0, "the acknowledgement")
            off = text.replace("enabled = true", "enabled = false")
            (tmp_path / "config.toml").write_text(off)
            running.process.send_signal(1)
            wait_for(lambda: len(alerts(subscriber)) == 2, "its end")
            wait_for(lambda: texts(subscriber, "alert/trend")[-2:] == ["OFF", ""], "its topic")
            wait_for(lambda: lamp() == ["trend pi", "over"], "what was to follow its end")
            assert "trend: this alert is off, so it is never raised" in running.said()
        assert [alert["event_type"] for alert in alerts(subscriber)] == ["raised", "cleared"]
        assert lamp() == ["trend pi", "over"]


def test_nobody_in_sight_is_told_to_a_lamp_and_to_a_person(
    broker: Mosquitto, tmp_path: Path
) -> None:
    empty = video(tmp_path / "empty.avi")
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}'
    with receiver() as server, listening(broker, topic="#") as subscriber:
        follows = (
            '[faces]\nblind_after_h = 0.0004\n[[blind.actions]]\ntopic = "lamp"\n'
            f'payload = "{{name}}"\n[[blind.notify]]\nntfy = "{server.url}"'
        )
        text = lines(tmp_path, mqtt, follows)
        with service(tmp_path, text, "--source", empty, "--realtime", "--loop", 99):
            wait_for(lambda: server.taken, "the notification")
            wait_for(
                lambda: ("lamp", "blind") in [m[1:] for m in subscriber.messages()], "the lamp"
            )
        (taken,) = server.taken
    assert taken.headers["Title"] == "pi: alert blind raised"
    assert taken.text.startswith("no face for 1.44 s, at ")


def test_a_malformed_service_is_refused_at_start_and_by_a_reload(tmp_path: Path) -> None:
    entry = '[[alerts.notify]]\nntfy = "https://ntfy.sh/t"\ntoken_file = "/nowhere"'
    with service(tmp_path, lines(tmp_path, "", entry)) as running:
        assert running.process.wait(30) == 78
        assert "alerts[0].notify[0].token_file: /nowhere: No such file" in running.said()
    with service(tmp_path, lines(tmp_path), "--realtime", "--loop", 99) as running:
        wait_for(lambda: "watching" in running.said(), "the start")
        (tmp_path / "config.toml").write_text(lines(tmp_path, "", entry))
        running.process.send_signal(1)
        wait_for(lambda: "stays as it was" in running.said(), "the refusal")
        assert "/nowhere" in running.said()


def test_a_person_is_told_the_end_of_an_alert_that_a_restart_finds_switched_off(
    tmp_path: Path,
) -> None:
    with receiver() as server:
        entries = trend_notify(server.url), trend_notify(server.url, "cleared")
        with service(tmp_path, trend(tmp_path, "", *entries), "--realtime", "--loop", 9) as on:
            wait_for(lambda: server.taken, "the notification")
            on.stop()
        off = trend(tmp_path, "", *entries, on="false")
        for _ in range(2):
            with service(tmp_path, off, "--realtime", "--loop", 9) as running:
                wait_for(lambda: len(server.taken) == 2, "its end")
                running.stop()
        assert [taken.text for taken in server.taken] == ["trend raised", "trend cleared"]
