"""`fer-edge test-alert`: what follows an alert, without one, beside a running service."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Mosquitto, Run, command, environment, wait_for
from tests.support.mqtt import (
    READER,
    NewBroker,
    alerts,
    guarded,
    listening,
    retained,
    texts,
    topics,
)
from tests.support.receiver import Mood, receiver
from tests.support.service import CLIP, HASTY_ALERT, service

Config = Callable[[str], Path]
LAMP = "zigbee2mqtt/lamp/set"
ACTIONS = f"""
[[alerts.actions]]
topic = "{LAMP}"
payload = {{ brightness = 40, count = "{{count}}", emotion = "{{emotion}}" }}
[[alerts.actions]]
on = "cleared"
topic = "{LAMP}"
payload = {{ scene_recall = 1 }}
"""


def lines(broker: Mosquitto, *more: str) -> str:
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
    return 'device = "pi"\n' + mqtt + "".join(more) + '[[alerts]]\nname = "Long face"\n' + ACTIONS


def test_it_is_raised_and_cleared_with_all_that_follows(
    fer_edge: Run, config: Config, broker: Mosquitto
) -> None:
    with receiver() as server, listening(broker, topic="#") as subscriber:
        notify = f'[[alerts.notify]]\nntfy = "{server.url}"\n'
        path = config(lines(broker) + notify)
        done = fer_edge("test-alert", "Long face", "--json", "--seconds", "0", "--config", path)
        assert (done.returncode, done.stderr) == (0, "")
        wait_for(lambda: len(texts(subscriber, "alert/long-face")) == 2, "the end")
        raised, cleared = alerts(subscriber)
        assert [texts(subscriber, "alert/long-face")] == [["ON", "OFF"]]
        theirs = [text for _, topic, text in subscriber.messages() if topic == LAMP]
    assert raised["test"] is cleared["test"] is True
    assert (raised["name"], raised["event_type"], raised["count"]) == ("long-face", "raised", 30)
    assert (cleared["event_type"], cleared["count"]) == ("cleared", 15)
    assert raised["episode"] == cleared["episode"]
    assert theirs == ['{"brightness":40,"count":30,"emotion":"angry"}', '{"scene_recall":1}']
    assert server.taken[0].headers["Title"] == "Test: pi: alert long-face raised"
    assert len(server.taken) == 1
    told = json.loads(done.stdout)
    assert (told["ok"], told["alert"]) == (True, "long-face")
    assert [(row["event"], row["to"], row["ok"]) for row in told["sent"]] == [
        ("raised", "fer-edge/pi/alert", True),
        ("raised", "fer-edge/pi/alert/long-face", True),
        ("raised", LAMP, True),
        ("raised", f"ntfy at 127.0.0.1:{server.port}", True),
        ("cleared", "fer-edge/pi/alert", True),
        ("cleared", "fer-edge/pi/alert/long-face", True),
        ("cleared", LAMP, True),
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_that_is_stopped_clears_what_it_has_raised(
    number: int, config: Config, broker: Mosquitto, tmp_path: Path
) -> None:
    path = config(lines(broker))
    with listening(broker, topic="#") as subscriber:
        running = subprocess.Popen(
            command("test-alert", "long-face", "--seconds", "600", "--config", path),
            env=environment(tmp_path),
        )
        wait_for(lambda: LAMP in topics(subscriber), "the lamp")
        running.send_signal(number)
        assert running.wait(20) == 0
        wait_for(lambda: len(alerts(subscriber)) == 2, "the end")
        theirs = [text for _, topic, text in subscriber.messages() if topic == LAMP]
        assert texts(subscriber, "alert/long-face") == ["ON", "OFF"]
    assert theirs[1:] == ['{"scene_recall":1}']


def test_what_fails_is_named_and_the_rest_is_sent(
    fer_edge: Run, config: Config, new_broker: NewBroker, tmp_path: Path
) -> None:
    broker = guarded(new_broker, tmp_path, "topic write fer-edge/pi/#")
    login = f'username = "pi"\npassword_file = "{tmp_path}/right"\n'
    with receiver() as server, listening(broker, *READER) as subscriber:
        server.mood = Mood.REFUSES
        notify = f'[[alerts.notify]]\nntfy = "{server.url}"\n'
        path = config(lines(broker, login) + notify)
        done = fer_edge("test-alert", "long-face", "--seconds", "0", "--config", path)
        wait_for(lambda: len(alerts(subscriber)) == 2, "both alerts")
    assert done.returncode == 1
    failed = [line.split(maxsplit=3) for line in done.stdout.splitlines() if "FAIL" in line]
    assert [(event, to) for _, event, to, _ in failed] == [
        ("raised", LAMP), ("raised", "ntfy"), ("cleared", LAMP)
    ]  # fmt: skip
    assert "Not authorized; check the broker's access rules" in failed[0][3]
    assert failed[1][3].endswith("HTTP 500")
    assert "topic" not in failed[1][3]


def test_without_a_broker_only_people_are_told(fer_edge: Run, config: Config) -> None:
    with receiver() as server:
        path = config(f'[[alerts]]\n[[alerts.notify]]\nntfy = "{server.url}"\non = "cleared"\n')
        done = fer_edge("test-alert", "negative", "--seconds", "0", "--config", path)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(server.taken) == 1


@pytest.mark.parametrize(
    ("name", "on", "window_s", "emotions"),
    [
        ("blind", "[faces]\nblind_after_h = 12\n", 43200.0, []),
        ("trend", "[trend]\nenabled = true\n", 604800.0, ["angry", "disgust", "fear", "sad"]),
    ],
)
def test_alerts_that_count_nothing_are_tried_with_what_follows_them(
    fer_edge: Run,
    config: Config,
    broker: Mosquitto,
    name: str,
    on: str,
    window_s: float,
    emotions: list[str],
) -> None:
    mqtt = f'device = "pi"\n[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
    actions = ACTIONS.replace("alerts.", f"{name}.").replace(
        '{ brightness = 40, count = "{count}", emotion = "{emotion}" }', '"{name}"'
    )
    with receiver() as server, listening(broker, topic="#") as subscriber:
        notify = f'[[{name}.notify]]\nntfy = "{server.url}"\n'
        path = config(mqtt + on + actions + notify)
        done = fer_edge("test-alert", name, "--json", "--seconds", "0", "--config", path)
        assert (done.returncode, done.stderr) == (0, "")
        wait_for(lambda: len(texts(subscriber, f"alert/{name}")) == 2, "the end")
        raised, cleared = alerts(subscriber)
        theirs = [text for _, topic, text in subscriber.messages() if topic == LAMP]
    assert (raised["name"], raised["count"], raised["test"]) == (name, 0, True)
    assert (raised["window_s"], raised["emotions"]) == (window_s, emotions)
    assert cleared["episode"] == raised["episode"]
    assert theirs == [name, '{"scene_recall":1}']
    assert [taken.headers["Title"] for taken in server.taken] == [f"Test: pi: alert {name} raised"]


@pytest.mark.parametrize(
    ("text", "name", "code", "said"),
    [
        ("[trend]\nenabled = true", "trend", 78, "set mqtt.host, or add [[trend.notify]] to the"),
        ("[[trend.actions]]\ntopic = 't'", "trend", 2, "'trend' is off; set trend.enabled"),
        ("", "blind", 2, "'blind' is off; set faces.blind_after_h"),
        ("", "negativ", 2, "no alert 'negativ'; did you mean 'negative'?"),
        ("alerts = []", "negative", 2, "no alert 'negative'; none is configured"),
        ("", "negative", 78, "nothing to send 'negative' to: set mqtt.host, or add [[alerts.notif"),
        ('[mqtt]\nhost = "127.0.0.1"\nport = 1', "negative", 1, "127.0.0.1:1: Connection refused"),
        ('[mqtt]\nhost = "h"\npassword_file = "/x"', "negative", 78, "a password needs mqtt.user"),
        ('[mqtt]\nhost = "127.0.0.1"\n[model]\npath = "/x"', "negative", 78, "/x: cannot read"),
    ],
)
def test_what_cannot_be_tried_is_one_clear_line(
    fer_edge: Run, config: Config, text: str, name: str, code: int, said: str
) -> None:
    done = fer_edge("test-alert", name, "--config", config(text))
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    assert said in line


def test_odd_arguments_are_refused(fer_edge: Run) -> None:
    for odd in ([], ["negative", "--seconds", "-1"], ["negative", "--seconds", "long"]):
        assert fer_edge("test-alert", *odd).returncode == 2
    assert "--seconds: must be a number from 0 to 3600" in fer_edge("test-alert", *odd).stderr


@pytest.mark.slow
def test_a_running_service_stays_connected_and_what_is_really_raised_stays_on(
    fer_edge: Run, broker: Mosquitto, tmp_path: Path
) -> None:
    slow_to_clear = HASTY_ALERT.replace("window_s = 1.0", "window_s = 600.0")
    text = (
        f'device = "pi"\n[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
        f'[camera]\nsource = "{CLIP}"\n[diary]\ndirectory = "{tmp_path}/log"\n'
        f'[state]\ndirectory = "{tmp_path}/state"\n{slow_to_clear}[[alerts]]\nname = "rare"\n'
        "count = 10000\nwindow_s = 20000.0\n"
    )
    with service(tmp_path, text, "--realtime", "--loop", 99) as running:
        wait_for(lambda: retained(broker).get("alert/negative") == "ON", "the alert")
        path = running.directory / "config.toml"
        done = fer_edge("test-alert", "negative", "--seconds", "0", "--config", path)
        assert done.stdout.splitlines()[-1] == "'negative' is really raised now: its topic stays ON"
        assert retained(broker)["alert/negative"] == "ON"
        done = fer_edge("test-alert", "rare", "--seconds", "0", "--config", path)
        assert done.returncode == 0
        assert retained(broker)["alert/rare"] == "OFF"
        assert retained(broker)["availability"] == "online"
        assert "trying again" not in running.said()
        assert not [row for row in running.diary() if "rare" in row]
