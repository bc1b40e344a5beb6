"""`fer-edge mqtt`: every topic that this configuration publishes and reads."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.arguments import ConfigUse
from edge.cli.output import say
from edge.config.alerts import NEGATIVE
from edge.config.checks import changed_names
from edge.config.schema import Config
from edge.labels import canonical

if TYPE_CHECKING:
    from edge.alerts.rules import Rules
    from edge.messaging.topics import Topic

HELP = "list the MQTT topics, with examples"
CONFIG_USE = ConfigUse.REQUIRED
#: Where systemd/fer-edge.service keeps it, which a login shell does not know.
SERVICE = Path("/var/lib/fer-edge")
_UNKNOWN = "<id>"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--json", action="store_true", help="one JSON object for scripts")


def execute(config: Config, options: argparse.Namespace) -> int:
    """Print the topics; connects to no broker."""
    from edge.messaging import topics  # noqa: PLC0415
    from edge.records import AlertEvent  # noqa: PLC0415

    rules, alerts = _rules(config), config.counting_alerts + config.other_alerts
    listed = [
        *topics.table(
            f"{config.mqtt.prefix}/{config.device_name}",
            [rules.trial(name, AlertEvent.RAISED, "") for name in alerts],
            config.counting_alerts,
            _device_id(config),
            discovery=config.mqtt.discovery,
        ),
        *_actions(config, rules),
    ]
    for line in changed_names(config):
        print(f"fer-edge: {line}", file=sys.stderr)
    if not config.mqtt.host:
        print("fer-edge: no broker is configured (mqtt.host): nothing is sent", file=sys.stderr)
    if options.json:
        rows = [
            {
                "topic": topic,
                "direction": row.direction,
                "retained": row.retained,
                "qos": row.qos,
                "example": row.example,
            }
            for topic, row in listed
        ]
        say(json.dumps({"topics": rows}))
        return 0
    for topic, row in listed:
        retained = ", retained" if row.retained else ""
        say(f"{topic}  ({row.direction}, QoS {row.qos}{retained})\n    {row.example}")
    if any(_UNKNOWN in topic for topic, _ in listed):
        print(f"fer-edge: {_UNKNOWN} is made at the first start; try with sudo", file=sys.stderr)
    return 0


def _rules(config: Config) -> Rules:
    """Return the rules for a model that knows whatever is named."""
    from edge.service.alerting import open_rules  # noqa: PLC0415

    named = (canonical(emotion) for rule in config.alerts for emotion in rule.emotions)
    return open_rules(config, (*NEGATIVE, *named))


def _actions(config: Config, rules: Rules) -> Iterator[tuple[str, Topic]]:
    """Yield the topics of actions, which belong to others, with what each would publish."""
    from edge.messaging.actions import messages  # noqa: PLC0415
    from edge.messaging.topics import Direction, Topic  # noqa: PLC0415
    from edge.records import AlertEvent  # noqa: PLC0415

    device = config.device_name
    for alert in config.reactions:
        for event in AlertEvent:
            example = rules.trial(alert.name, event, "")
            for _, (topic, text, qos, retain) in messages(example, alert.actions, device):
                yield topic, Topic(topic, Direction.PUBLISHED, retain, qos, text)


def _device_id(config: Config) -> str:
    """Return the id that the service has made, which only it and root may read."""
    from edge.messaging.announced import read_device_id  # noqa: PLC0415
    from edge.messaging.outbox import NAME  # noqa: PLC0415

    found = (read_device_id(place / NAME) for place in (config.state.directory, SERVICE))
    return next(filter(None, found), _UNKNOWN)
