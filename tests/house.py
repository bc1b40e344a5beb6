"""What tests of alerts share: the alarm, outbox and broker's side as the daemon joins them."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.alarm import Alarm
from edge.broker import Broker
from edge.config import AlertRule, Mqtt
from edge.outbox import Outbox
from edge.records import Alert, AlertEvent, Box, Frame, Reading
from edge.status import Status
from tests.conftest import ROOT, Mosquitto, Subscriber, command, environment, wait_for

CLIP = ROOT / "edge" / "assets" / "average-faces.mp4"
#: An alert that every negative reading raises, and a second without one clears.
HASTY_ALERT = """[[alerts]]
name = "negative"
count = 1
window_s = 1.0
clear_count = 0
min_confidence = 0.0
cooldown_s = 0.0
"""
GRAY = np.zeros((48, 64), np.uint8)
BASE = "fer-edge/pi"
#: What ends after waiting two seconds ends sooner, on a busy machine too; what hangs, does not.
PROMPT_S = 10.0
#: Raised by one sad reading, cleared by the first frame without one.
RULE = AlertRule("negative", ("sad",), 1, 0.5, 0, 0.0, cooldown_s=0.0)


def alert(number: int = 1, event: AlertEvent = AlertEvent.RAISED, name: str = "negative") -> Alert:
    return Alert(
        id=f"id-{number}",
        episode=f"episode-{number}",
        event_type=event,
        name=name,
        face=None,
        count=30,
        window_s=120.0,
        emotions=("angry", "sad"),
        time=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    )


def reading(emotion: str, source_s: float) -> Reading:
    chances = (0.7, 0.3) if emotion == "sad" else (0.3, 0.7)
    box = Box(8, 4, 40, 40)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    return Reading(now, source_s, 1, emotion, max(chances), chances, box)


class House:
    """Alarm, outbox and broker, fed frame by frame; source time passes a second a frame."""

    def __init__(self, directory: Path, mqtt: Mqtt, *rules: AlertRule, device: str = "pi") -> None:
        self.outbox = Outbox(directory)
        self.alarm = Alarm(rules or (RULE,), self.outbox.left_over)
        self.broker = Broker(mqtt, device, self.outbox)
        self.status = Status()
        self.slowest_s = 0.0
        self._source_s = 0.0

    def frame(self, *emotions: str) -> tuple[Alert, ...]:
        """One turn of the loop in which the face shows `emotions`."""
        self._source_s += 1.0
        began_s = time.monotonic()
        frame = Frame(GRAY, datetime(2026, 3, 1, tzinfo=UTC), self._source_s, began_s)
        readings = [reading(emotion, self._source_s) for emotion in emotions]
        alerts = self.alarm.update(frame, readings)
        self.status.update(frame, (), readings)
        self.broker.tell(began_s, alerts, self.alarm, self.status)
        self.slowest_s = max(self.slowest_s, time.monotonic() - began_s)
        return alerts

    def connected(self) -> bool:
        return self.broker._link.open.is_set()

    def wait_for(self, true: Callable[[], object], what: str) -> None:
        """Goes on with frames that show nothing new until `true()`."""
        quiet = ("sad",) if self.alarm.raised().get("negative") else ()

        def turn() -> object:
            self.frame(*quiet)
            return true()

        wait_for(turn, what)

    def close(self) -> float:
        """How long it took, in seconds."""
        began_s = time.monotonic()
        self.broker.close()
        self.outbox.__exit__()
        return time.monotonic() - began_s


@contextmanager
def living(directory: Path, mqtt: Mqtt, *rules: AlertRule, device: str = "pi") -> Iterator[House]:
    """A house whose broker thread runs."""
    house = House(directory, mqtt, *rules, device=device)
    with house.broker:
        yield house
    house.outbox.__exit__()


def at(broker: Mosquitto, **more: Any) -> Mqtt:
    """The configuration for `broker`."""
    return Mqtt(host="127.0.0.1", port=broker.port, **more)


@contextmanager
def listening(broker: Mosquitto, *options: str) -> Iterator[Subscriber]:
    """A subscriber that is known to have subscribed."""
    publish(broker, "fer-edge/test", "subscribed", "-r", *(o for o in options if o not in _SUB))
    subscriber = Subscriber(broker, *options)
    try:
        wait_for(lambda: "fer-edge/test" in topics(subscriber), "the subscription")
        yield subscriber
    finally:
        subscriber.stop()


_SUB = ("-c", "-i", "sub")


def publish(broker: Mosquitto, topic: str, text: str, *options: str) -> None:
    found = shutil.which("mosquitto_pub")
    if found is None:
        pytest.skip("no mosquitto_pub on this machine: apt install mosquitto-clients")
    line = [found, "-p", str(broker.port), "-t", topic, "-m", text, *options]
    subprocess.run(line, check=True, timeout=10)


def topics(subscriber: Subscriber) -> list[str]:
    return [topic for _, topic, _ in subscriber.messages()]


def texts(subscriber: Subscriber, topic: str) -> list[str]:
    """The payloads on `topic` below our base, in order."""
    return [text for _, t, text in subscriber.messages() if t == f"{BASE}/{topic}"]


def alerts(subscriber: Subscriber) -> list[dict[str, Any]]:
    return [json.loads(text) for text in texts(subscriber, "alert")]


def retained(broker: Mosquitto, *options: str) -> dict[str, str]:
    """What somebody who subscribes now gets at once, by topic below our base."""
    with listening(broker, *options) as subscriber:
        # mosquitto sends what it retains before it answers a later publication
        publish(broker, "fer-edge/end", "", *options)
        wait_for(lambda: "fer-edge/end" in topics(subscriber), "the end of what is retained")
        return {
            topic.removeprefix(f"{BASE}/"): text
            for flag, topic, text in subscriber.messages()
            if flag == "1" and topic.startswith(BASE)
        }


class Service:
    """`fer-edge run` as a process of its own, below `directory`."""

    def __init__(self, directory: Path, lines: str, *arguments: object, **environ: str) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        config = directory / "config.toml"
        config.write_text(lines)
        self._said = directory / f"said-{time.monotonic_ns()}.txt"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                command("run", "--config", config, *arguments),
                env=environment(directory) | environ,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return self._said.read_text()

    def diary(self) -> list[str]:
        """The rows' text from the time of day on."""
        path = self.directory / "log" / "expressions.csv"
        return [line.partition("T")[2] for line in path.read_text().splitlines()[1:]]

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Its exit code, and how long it took."""
        began_s = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(20)
        return code, time.monotonic() - began_s

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@contextmanager
def service(directory: Path, lines: str, *arguments: object, **environ: str) -> Iterator[Service]:
    """A `Service` that does not outlive its test."""
    running = Service(directory, lines, *arguments, **environ)
    try:
        yield running
    finally:
        running.kill()
