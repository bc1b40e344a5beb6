"""A device beside a real Home Assistant: what appears, what fires, what survives which restart.

    HASS=/path/to/hass tests/long/run home

`hass` is the command of an installed Home Assistant Core.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Mosquitto, Subscriber, wait_for
from tests.support.home_assistant import HomeAssistant, settled
from tests.support.mqtt import alerts, publish, retained
from tests.support.service import CLIP, HASTY_ALERT, Service

BLUEPRINT = ROOT / "docs" / "blueprints" / "fer_edge_alert.yaml"
#: What was published by automations: the place of `fer-edge/#` in a subscription.
FIRED = "fired/#"
#: What has no state until it was used.
_NEVER_USED = ("event", "button")


class Home:
    """A broker, Home Assistant and one device that sees a clip again and again."""

    def __init__(self, folder: Path, hass: Path) -> None:
        self.folder = folder
        self.broker = Mosquitto(folder, "allow_anonymous true\npersistence true\n").start()
        self.ha = HomeAssistant(hass, folder / "ha", self.broker.port)
        place = folder / "ha" / "blueprints" / "automation" / "fer_edge" / BLUEPRINT.name
        place.parent.mkdir(parents=True)
        shutil.copy(BLUEPRINT, place)
        self.device: Service | None = None

    def watch(self, name: str = "pi", alert: str = HASTY_ALERT, more: str = "") -> None:
        """Start the device."""
        lines = (
            f'device = "{name}"\n{more}\n[mqtt]\nhost = "127.0.0.1"\nport = {self.broker.port}\n'
        )
        self.device = Service(
            self.folder / "device", lines + alert, "--source", CLIP, "--loop", 10**6, "--realtime"
        )

    def entities(self) -> dict[str, str]:
        """Return the state of the device's entities."""
        return {
            entity: state
            for entity, state in self.ha.states().items()
            if "pi" in entity.split(".")[1].split("_")
        }

    def unknown(self) -> list[str]:
        return [
            entity
            for entity, state in self.entities().items()
            if state == "unknown" and entity.split(".")[0] not in _NEVER_USED
        ]

    def all_known(self) -> None:
        """Wait until everything is there, with a state."""
        wait_for(lambda: len(self.entities()) > 8, "the entities", 60)

        def known() -> bool:
            states = Counter(self.entities().values())
            return not self.unknown() and states["unavailable"] == 0

        try:
            wait_for(known, "a state of every entity", 60)
        except pytest.fail.Exception as error:
            raise AssertionError(self.entities()) from error

    def find(self, domain: str, ending: str) -> str:
        """Return the id of the entity of `domain` whose id ends so."""
        found = [e for e in self.entities() if re.fullmatch(rf"{domain}\..*{ending}", e)]
        assert len(found) == 1, (found, sorted(self.entities()))
        return found[0]

    def stop(self) -> None:
        if self.device is not None:
            self.device.kill()
        self.ha.stop()
        self.broker.stop()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    hass = os.environ.get("HASS")
    if not hass:
        pytest.skip("HASS does not name an installed Home Assistant's `hass`")
    made = Home(tmp_path_factory.mktemp("home"), Path(hass))
    try:
        made.ha.start()
        made.watch()
        made.all_known()
        yield made
    finally:
        made.stop()


def _automations(home: Home) -> list[dict[str, Any]]:
    """One by a device trigger and one by the blueprint: each says on a topic that it ran."""
    event = home.find("event", "alert_negative_event")
    device = home.ha.render(f"{{{{ device_id('{event}') }}}}")

    def say(topic: str) -> dict[str, Any]:
        return {"action": "mqtt.publish", "data": {"topic": f"fired/{topic}", "payload": "x"}}

    trigger = {
        "trigger": "device",
        "device_id": device,
        "domain": "mqtt",
        "type": "alert_raised",
        "subtype": "negative",
    }
    return [
        {"id": "1", "alias": "trigger", "triggers": [trigger], "actions": [say("trigger")],
         "mode": "queued"},
        {"id": "2", "alias": "blueprint", "use_blueprint": {
            "path": f"fer_edge/{BLUEPRINT.name}",
            "input": {"alert": event, "raised": [say("blueprint")], "cleared": [say("cleared")]}}},
    ]  # fmt: skip


def test_it_appears_by_itself_and_nothing_is_unknown(home: Home) -> None:
    found = home.entities()
    assert {e.split(".")[0] for e in found} >= {"sensor", "binary_sensor", "event", "switch"}
    home.find("sensor", "expression")
    home.find("binary_sensor", "alert_negative")
    assert not home.unknown()


def test_trigger_and_blueprint_run_once_for_each_alert_through_restarts(home: Home) -> None:
    home.ha.automate(_automations(home))
    fired = Subscriber(home.broker, "-c", "-i", "fired", topic=FIRED)
    heard = Subscriber(home.broker, "-c", "-i", "heard", topic="fer-edge/#")
    assert home.device is not None
    try:
        wait_for(lambda: len(alerts(heard)) >= 6, "alerts", 120)
        home.device.kill()  # in the middle of whatever it was doing
        home.watch()
        home.all_known()
        home.broker.stop()
        home.broker.start()
        fired.stop()
        fired = Subscriber(home.broker, "-c", "-i", "fired-2", topic=FIRED)
        more = Subscriber(home.broker, "-c", "-i", "heard-2", topic="fer-edge/#")
        home.all_known()
        wait_for(lambda: len(alerts(more)) >= 4, "alerts after the broker's restart", 120)
        home.device.stop()
        assert home.device.process.returncode == 0

        def ran() -> Counter[str]:
            return Counter(topic for _, topic, _ in fired.messages())

        told = [e["event_type"] for e in alerts(more)]
        end = settled(ran)
        # The first of a reconnect may come before Home Assistant has subscribed again.
        assert 0 <= told.count("raised") - end["fired/trigger"] <= 1
        assert end["fired/trigger"] == end["fired/blueprint"]
        assert end["fired/cleared"] <= told.count("cleared")
    finally:
        home.ha.automate([])
        heard.stop()
        fired.stop()
        home.watch()
        home.all_known()


def test_a_killed_device_is_unavailable_within_five_seconds(home: Home) -> None:
    assert home.device is not None
    home.device.kill()
    began_s = time.monotonic()
    wait_for(lambda: set(home.entities().values()) == {"unavailable"}, "unavailable entities", 5)
    print(f"unavailable after {time.monotonic() - began_s:.1f} s")
    home.watch()
    home.all_known()


def test_its_switch_pauses_and_resumes(home: Home) -> None:
    switch, expression = home.find("switch", "watching"), home.find("sensor", "expression")
    home.ha.call("switch", "turn_off", entity_id=switch)
    wait_for(lambda: home.entities()[switch] == "off", "the switch to be off", 15)
    wait_for(lambda: home.entities()[expression] == "unavailable", "no expression", 15)
    time.sleep(25)  # longer than a value without a successor lasts
    assert home.entities()[switch] == "off"
    assert not home.unknown()
    home.ha.call("switch", "turn_on", entity_id=switch)
    wait_for(lambda: home.entities()[switch] == "on", "the switch to be on", 15)
    home.all_known()


@pytest.mark.parametrize("order", ["ha", "broker", "device", "ha broker device", "device ha"])
def test_nothing_is_unknown_whoever_restarts(home: Home, order: str) -> None:
    assert home.device is not None
    for who in order.split():
        if who == "ha":
            home.ha.stop()
        elif who == "broker":
            home.broker.stop()
        else:
            home.device.stop()
    for who in order.split():
        if who == "ha":
            home.ha.start()
        elif who == "broker":
            home.broker.start()
        else:
            home.watch()
    home.all_known()


def test_a_new_name_keeps_the_entities(home: Home) -> None:
    assert home.device is not None
    before = set(home.entities())
    home.device.stop()
    home.watch("other")
    wait_for(lambda: "fer-edge/other" in _described(home), "the new name", 30)
    home.all_known()
    assert set(home.entities()) == before
    home.device.stop()
    home.watch()
    home.all_known()


def _described(home: Home) -> str:
    seen = Subscriber(home.broker, "-C", "1", topic="homeassistant/device/#")
    try:
        wait_for(seen.messages, "the announcement", 10)
        return seen.messages()[0][2]
    finally:
        seen.stop()


def _about(home: Home, beginning: str) -> list[str]:
    """Return the device's retained topics that begin so."""
    return [topic for topic in retained(home.broker) if topic.startswith(beginning)]


def test_an_alert_that_is_removed_disappears(home: Home) -> None:
    assert home.device is not None
    alert = home.find("binary_sensor", "alert_negative")
    home.device.stop()
    home.watch(alert=HASTY_ALERT.replace('"negative"', '"other"'))
    wait_for(lambda: alert not in home.entities(), "the old alert to be gone", 60)
    home.find("binary_sensor", "alert_other")
    wait_for(lambda: not _about(home, "alert/negative"), "its topics to be emptied", 30)
    home.device.stop()
    home.watch()
    home.all_known()


def test_the_example_of_the_page_can_be_pasted(home: Home) -> None:
    yaml = pytest.importorskip("yaml")
    page = (ROOT / "docs" / "home-assistant.md").read_text()
    (example,) = re.findall(r"^```yaml\n(alias: .*?)^```", page, re.DOTALL | re.MULTILINE)
    home.ha.save("example", yaml.safe_load(example))
    wait_for(lambda: home.ha.states().get("automation.a_gentler_room") == "on", "it", 30)


def test_hostile_commands_change_nothing(home: Home) -> None:
    for topic, text in (("watching/set", "MAYBE"), ("alert/negative/snooze", "x" * 9999)):
        publish(home.broker, f"fer-edge/pi/{topic}", text)
    home.all_known()


def test_its_log_has_no_warning_of_mqtt(home: Home) -> None:
    """The last one: what all the others left there."""
    ours = [line for line in home.ha.warnings() if re.search("mqtt|automation|template", line)]
    # The broker was stopped on purpose, perhaps before it had answered.
    lost = re.compile("onnection|isconnected|Broken pipe|No ACK from MQTT server")
    assert [line for line in ours if not lost.search(line)] == []
