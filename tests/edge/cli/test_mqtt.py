"""`fer-edge mqtt`: what it lists is what a broker sees."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.messaging.topics import BIRTH
from tests.conftest import Mosquitto, Run, wait_for
from tests.support.mqtt import TEST, listening, topics
from tests.support.service import CLIP, HASTY_ALERT, service

Config = Callable[[str], Path]
ACTION = '[[alerts.actions]]\ntopic = "lamp/set"\npayload = { on = true, n = "{count}" }\n'
BLIND = "[faces]\nblind_after_h = 0.0004\n"


def listed(fer_edge: Run, config: Path) -> dict[str, dict[str, object]]:
    done = fer_edge("mqtt", "--json", "--config", config)
    assert done.returncode == 0, done.stderr
    return {row["topic"]: row for row in json.loads(done.stdout)["topics"]}


def lines(broker: Mosquitto, directory: Path, more: str = "") -> str:
    return (
        f'device = "pi"\n[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n{more}'
        f'[camera]\nsource = "{CLIP}"\n[diary]\ndirectory = "{directory}/log"\n'
        f'[state]\ndirectory = "{directory}/state"\n{BLIND}{HASTY_ALERT}{ACTION}'
    )


@pytest.mark.slow
@pytest.mark.parametrize("more", ["", "discovery = false\n"])
def test_it_lists_what_a_subscriber_to_everything_sees(
    fer_edge: Run, config: Config, broker: Mosquitto, tmp_path: Path, more: str
) -> None:
    text = lines(broker, tmp_path, more)
    with listening(broker, topic="#") as subscriber:
        with service(tmp_path / "service", text, "--realtime", "--loop", 9):
            wait_for(lambda: "fer-edge/pi/alert" in topics(subscriber), "an alert")
            rows = listed(fer_edge, config(text))  # while the service has the database open
        published = {t for t, row in rows.items() if row["direction"] == "published"}
        wait_for(lambda: published <= set(topics(subscriber)), "all that is listed")
        seen = set(topics(subscriber)) - {TEST}
    assert seen == published
    reads = [topic for topic, row in rows.items() if row["direction"] == "read"]
    assert reads == [
        "fer-edge/pi/watching/set",
        "fer-edge/pi/camera/restart",
        "fer-edge/pi/alert/negative/test",
        "fer-edge/pi/alert/blind/test",
        "fer-edge/pi/alert/negative/snooze",
        "fer-edge/pi/alert/blind/snooze",
        "fer-edge/pi/alert/negative/limit/set",
        *([] if more else [BIRTH.of()]),
    ]
    assert any("/device/" in topic for topic in published) is not bool(more)
    assert rows["lamp/set"] == {
        "topic": "lamp/set",
        "direction": "published",
        "retained": False,
        "qos": 1,
        "example": '{"on":true,"n":1}',
    }


def test_actions_of_every_alert_are_listed_with_what_they_publish(
    fer_edge: Run, config: Config
) -> None:
    text = (
        f'device = "pi"\n{BLIND}[[blind.actions]]\ntopic = "a"\npayload = "{{name}}"\n'
        '[trend]\nenabled = true\n[[trend.actions]]\ntopic = "b"\nretain = true\n'
        '[[alerts]]\nemotions = ["joy", "worry"]\n[[alerts.actions]]\non = "cleared"\n'
        'topic = "c"\nqos = 0\npayload = "{emotion} {count}"\n'
    )
    rows = listed(fer_edge, config(text))
    found = [(rows[t]["example"], rows[t]["retained"], rows[t]["qos"]) for t in ("a", "b", "c")]
    assert found == [("blind", False, 1), ("", True, 1), ("happy 15", False, 0)]
    off = listed(fer_edge, config('[[trend.actions]]\ntopic = "b"\n'))
    assert "b" not in off


def test_examples_are_those_of_the_configuration(fer_edge: Run, config: Config) -> None:
    text = (
        'device = "Wohn Zimmer"\n[mqtt]\nprefix = "home/fer"\n'
        '[[alerts]]\nname = "calm"\ncount = 8\nwindow_s = 60\nemotions = ["happy"]\n'
    )
    path = config(text)
    done = fer_edge("mqtt", "--config", path)
    assert "fer-edge: device: 'Wohn Zimmer' is 'wohn-zimmer' in topics" in done.stderr
    assert not set(re.findall(r"\w+", done.stdout)) & {"pi", "angry"}, done.stdout
    base = "home/fer/wohn-zimmer"
    rows = listed(fer_edge, path)
    message = json.loads(str(rows[f"{base}/alert"]["example"]))
    assert (message["name"], message["count"], message["window_s"]) == ("calm", 8, 60.0)
    assert message["emotions"] == ["happy"]
    assert list(json.loads(str(rows[f"{base}/state"]["example"]))["negative"]) == ["calm"]
    announced = json.loads(str(rows["homeassistant/device/fer_edge_<id>/config"]["example"]))
    assert announced["dev"]["name"] == "FER wohn-zimmer"
    assert announced["avty"] == [{"t": f"{base}/availability"}]


def test_as_text_every_topic_has_an_example(fer_edge: Run, config: Config) -> None:
    done = fer_edge("mqtt", "--config", config('device = "pi"\n[mqtt]\nprefix = "home"\n'))
    said = done.stdout.splitlines()
    assert [line.split("  ")[0] for line in said[::2]] == [
        "home/pi/availability",
        "home/pi/watching",
        "home/pi/state",
        "home/pi/stats",
        "home/pi/alert",
        "home/pi/alert/negative",
        "home/pi/alert/negative/limit",
        "home/pi/watching/set",
        "home/pi/camera/restart",
        "home/pi/alert/negative/test",
        "home/pi/alert/negative/snooze",
        "home/pi/alert/negative/limit/set",
        "homeassistant/device/fer_edge_<id>/config",
        "homeassistant/status",
    ]
    assert said[0].endswith("(published, QoS 1, retained)")
    assert said[-2].endswith("(read, QoS 0)")
    assert said[1] == "    online"
    assert done.stderr.splitlines() == [
        "fer-edge: no broker is configured (mqtt.host): nothing is sent",
        "fer-edge: <id> is made at the first start; try with sudo",
    ]
