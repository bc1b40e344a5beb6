"""The part of the loop behind the readings, as the service joins it: rules, status, publisher."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from edge.alerts.episodes import with_episodes
from edge.alerts.rules import Rules
from edge.config.alerts import AlertConfig, reactions_of
from edge.config.schema import MqttConfig
from edge.messaging.commands import Inbox
from edge.messaging.connection import Connection
from edge.messaging.discovery import Features
from edge.messaging.outbox import Outbox
from edge.messaging.publisher import Publisher
from edge.messaging.reactions import Reactions
from edge.messaging.session import Session
from edge.records import Alert, AlertEvent, Box, Frame, Reading
from edge.service.status import Status
from tests.conftest import wait_for

GRAY = np.zeros((48, 64), np.uint8)
#: Raised by one sad reading, cleared by the first frame without one.
RULE = AlertConfig("negative", ("sad",), 1, 0.5, 0, 0.0, cooldown_s=0.0)


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


class Pipeline:
    """Rules, status, outbox and publisher, fed frame by frame; each frame is a second of source."""

    def __init__(
        self,
        directory: Path,
        mqtt: MqttConfig,
        *rules: AlertConfig,
        device: str = "pi",
        features: Features | None = None,
        inbox: Inbox | None = None,
    ) -> None:
        self.outbox = Outbox(directory, Reactions(reactions_of(rules), device))
        state = self.outbox.alert_state or with_episodes(self.outbox.open_episodes)
        self.rules = Rules(rules or (RULE,), state=state)
        self.publisher = Publisher(mqtt, device, self.outbox, self.rules.state, features, inbox)
        self.status = Status()
        self.slowest_s = 0.0
        self._source_s = 0.0

    def frame(self, *emotions: str) -> tuple[Alert, ...]:
        """Run the loop once, with a face that shows `emotions`."""
        self._source_s += 1.0
        began_s = time.monotonic()
        frame = Frame(GRAY, datetime(2026, 3, 1, tzinfo=UTC), self._source_s, began_s)
        readings = [reading(emotion, self._source_s) for emotion in emotions]
        alerts = self.rules.update(frame, readings)
        snapshot = self.status.update(frame, (), readings, self.rules)
        self.publisher.tell(snapshot, alerts)
        self.slowest_s = max(self.slowest_s, time.monotonic() - began_s)
        return alerts

    @property
    def connection(self) -> Connection:
        """The current one, open or not."""
        return self.publisher._connector.connection

    @property
    def session(self) -> Session | None:
        """What the latest connection was given."""
        return self.publisher._session

    def connected(self) -> bool:
        return self.connection.open.is_set()

    def wait_for(self, true: Callable[[], object], what: str) -> None:
        """Go on with frames that show nothing new until `true()`."""
        quiet = ("sad",) if self.rules.raised().get("negative") else ()

        def turn() -> object:
            self.frame(*quiet)
            return true()

        wait_for(turn, what)

    def close(self) -> float:
        """Return how long it took, in seconds."""
        began_s = time.monotonic()
        self.publisher.close()
        self.outbox.__exit__()
        return time.monotonic() - began_s


@contextmanager
def running(
    directory: Path,
    mqtt: MqttConfig,
    *rules: AlertConfig,
    device: str = "pi",
    features: Features | None = None,
    inbox: Inbox | None = None,
) -> Iterator[Pipeline]:
    """A pipeline that connects, and announces `features` if there are any."""
    pipeline = Pipeline(directory, mqtt, *rules, device=device, features=features, inbox=inbox)
    with pipeline.publisher:
        yield pipeline
    pipeline.outbox.__exit__()
