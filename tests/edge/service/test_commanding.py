"""Commands over MQTT to a service that runs: what they change, and what outlasts a restart."""

from __future__ import annotations

import json
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Mosquitto, command, environment
from tests.conftest import wait_for as wait_briefly
from tests.support.mqtt import BASE, alerts, listening, publish, retained, texts
from tests.support.service import CLIP, Service, service

pytestmark = pytest.mark.slow

#: On the clip: raised by neutral half a second in.
LINES = """
device = "pi"
[mood]
reading_interval_s = 0
rate_hz = 10
[[alerts]]
name = "calm"
emotions = ["neutral", "happy", "surprise", "sad", "angry", "fear", "disgust"]
count = 3
window_s = 4.0
clear_count = 0
min_confidence = 0
cooldown_s = 0
"""
SLOW = ("--source", CLIP, "--realtime", "--loop", 9)
#: A start of the service takes half a minute on a very busy machine.
wait_for = partial(wait_briefly, timeout_s=120)


def lines(broker: Mosquitto) -> str:
    return f'{LINES}[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'


def ask(broker: Mosquitto, topic: str, text: str) -> None:
    publish(broker, f"{BASE}/{topic}", text, "-q", "1")


def state(broker: Mosquitto) -> Any:
    return json.loads(retained(broker)["state"])


def words(running: Service) -> list[str]:
    notes = [row.rpartition(",")[2].split() for row in running.diary()]
    return [note[0] for note in notes if note]


def test_a_pause_over_mqtt_closes_and_outlasts_a_restart(broker: Mosquitto, tmp_path: Path) -> None:
    with listening(broker) as subscriber:
        with service(tmp_path / "run", lines(broker), *SLOW) as running:
            wait_for(lambda: alerts(subscriber), "an alert")
            assert texts(subscriber, "watching") == ["ON"]
            ask(broker, "watching/set", "OFF")
            wait_for(lambda: texts(subscriber, "watching")[-1] == "OFF", "the pause")
            assert len(alerts(subscriber)) == 1
            wait_for(lambda: len(alerts(subscriber)) == 2, "its end, a window later")
            assert texts(subscriber, "alert/calm")[-1] == "OFF"
            assert running.stop()[0] == 0
        with service(tmp_path / "run", lines(broker), *SLOW) as running:
            wait_for(lambda: "paused: mqtt" in running.said(), "the same pause")
            wait_for(lambda: retained(broker)["availability"] == "online", "online")
            assert state(broker)["paused"] == ["mqtt"]
            ask(broker, "watching/set", "ON")
            wait_for(lambda: texts(subscriber, "watching")[-1] == "ON", "its end")
            wait_for(lambda: alerts(subscriber)[-1]["event_type"] == "raised", "an alert again")
    assert "resumed" in words(running)


def test_a_snooze_silences_at_once_and_outlasts_a_kill(broker: Mosquitto, tmp_path: Path) -> None:
    with listening(broker) as subscriber:
        with service(tmp_path / "run", lines(broker), *SLOW) as running:
            wait_for(lambda: alerts(subscriber), "an alert")
            ask(broker, "alert/calm/snooze", "PRESS")
            wait_for(lambda: len(alerts(subscriber)) == 2, "its end")
            assert alerts(subscriber)[1]["event_type"] == "cleared"
            wait_for(lambda: texts(subscriber, "alert/calm")[-1] == "OFF", "its state")
            assert state(broker)["snoozed"] == ["calm"]
            running.kill()
        with service(tmp_path / "run", lines(broker), *SLOW) as running:
            rows = len(running.diary())
            wait_for(lambda: len(running.diary()) > rows + 30, "readings that would raise it")
            assert state(broker)["snoozed"] == ["calm"]
            # What was not acknowledged before the kill was sent again, under the same id.
            assert len({each["id"] for each in alerts(subscriber)}) == 2
            assert "snoozed:calm" in words(running)
            ask(broker, "alert/calm/snooze", "0")
            wait_for(lambda: alerts(subscriber)[-1]["event_type"] == "raised", "what is still true")
            assert len({each["id"] for each in alerts(subscriber)}) == 3


def test_a_threshold_outlasts_a_restart_and_a_test_changes_nothing(
    broker: Mosquitto, tmp_path: Path
) -> None:
    never = lines(broker).replace("\ncount = 3", "\ncount = 1000")
    with listening(broker) as subscriber:
        with service(tmp_path / "run", never, *SLOW) as running:
            wait_for(
                lambda: texts(subscriber, "alert/calm/limit") == ["1000"], "the configured one"
            )
            ask(broker, "alert/calm/limit/set", "1000000")
            wait_for(lambda: texts(subscriber, "alert/calm/limit")[-1] == "1000000", "another")
            assert running.stop()[0] == 0
        with service(tmp_path / "run", never, *SLOW) as running:
            said = "alert 'calm': count 1000000, set over MQTT, overrides 1000"
            wait_for(lambda: said in running.said(), "that it is said")
            wait_for(lambda: retained(broker).get("alert/calm") == "OFF", "no alert")
            line = command("status", "--config", tmp_path / "run" / "config.toml")
            env = environment(tmp_path / "run")

            def told() -> bool:
                done = subprocess.run(line, env=env, capture_output=True, text=True, check=False)
                return " of 1000000 negative readings, set over MQTT instead of 1000" in done.stdout

            wait_for(told, "fer-edge status to tell it")
            before = len(alerts(subscriber))
            ask(broker, "alert/calm/test", "PRESS")
            wait_for(lambda: len(alerts(subscriber)) == before + 2, "a test and its end")
            seen = alerts(subscriber)[before:]
            assert [(a["event_type"], a["test"]) for a in seen] == [
                ("raised", True), ("cleared", True),
            ]  # fmt: skip
            assert texts(subscriber, "alert/calm")[-2:] == ["ON", "OFF"]
            assert not any("test" in word for word in words(running))
