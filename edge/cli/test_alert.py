"""`fer-edge test-alert`: raise and clear an alert, to see what follows, without looking sad."""

from __future__ import annotations

import argparse
import contextlib
import json
import uuid

from edge.cli.arguments import ConfigUse
from edge.cli.output import say
from edge.config.checks import SWITCHES
from edge.config.names import slug
from edge.config.pause import SERVICE_STATE
from edge.config.schema import Config
from edge.errors import ConfigError, UsageError, suggest

HELP = "raise and clear an alert, only as a test"
CONFIG_USE = ConfigUse.REQUIRED
#: Time for a lamp to be seen.
_BETWEEN_S, _LONGEST_S = 3.0, 3600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("name", metavar="NAME", help="the alert's name")
    parser.add_argument(
        "--seconds", type=_seconds, default=_BETWEEN_S, metavar="S",
        help=f"how long it stays raised (default {_BETWEEN_S:g})",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object for scripts")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_S:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {_LONGEST_S:g}")
    return seconds


def execute(config: Config, options: argparse.Namespace) -> int:
    """Send the alert and what follows it, beside a service; return 1 if any failed."""
    from edge.expressions.model_card import read_card  # noqa: PLC0415
    from edge.messaging.open_episodes import read_raised  # noqa: PLC0415
    from edge.messaging.outbox import NAME  # noqa: PLC0415
    from edge.messaging.trial import Trial, connected  # noqa: PLC0415
    from edge.records import AlertEvent  # noqa: PLC0415
    from edge.service import signals  # noqa: PLC0415
    from edge.service.alerting import open_rules  # noqa: PLC0415

    name = _known(config, options.name)
    rules = open_rules(config, read_card(config.model.path).labels)
    # A login shell does not know where systemd/fer-edge.service keeps its outbox.
    raised = read_raised(config.state.directory / NAME, SERVICE_STATE / NAME)
    episode, results = uuid.uuid4().hex, []
    stop, _ = signals.listen()  # what was raised is cleared on Ctrl-C, too
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(connected(config)) if config.mqtt.host else None
        trial = Trial(config, connection, raised)
        for event in AlertEvent:
            if event is AlertEvent.CLEARED:
                stop.wait(options.seconds)
            for sent in trial.send(rules.trial(name, event, episode)):
                results.append(sent)
                if not options.json:
                    level, text = ("FAIL", sent.problem) if sent.problem else ("ok", sent.text)
                    say(f"{level:<4} {event:<7} {sent.to}  {text}", flush=True)
    all_ok = not any(sent.problem for sent in results)
    if options.json:
        rows = [sent._asdict() | {"ok": sent.problem is None} for sent in results]
        say(json.dumps({"ok": all_ok, "alert": name, "sent": rows}))
    elif name in raised:
        say(f"'{name}' is really raised now: its topic stays ON")
    return 0 if all_ok else 1


def _known(config: Config, wanted: str) -> str:
    """Return the alert's name in topics; raise where nothing can be sent of it."""
    names = config.counting_alerts + config.other_alerts
    name = slug(wanted)
    if name in SWITCHES and name not in names:
        raise UsageError(f"'{name}' is off; set {SWITCHES[name]}")
    if name not in names:
        hint = suggest(name, names, "alerts") if names else "none is configured"
        raise UsageError(f"no alert '{wanted}'; {hint}")
    (alert,) = (each for each in config.reactions if each.name == name)
    if not config.mqtt.host and not alert.notify:
        table = alert.where.partition("[")[0]
        raise ConfigError(
            f"nothing to send '{name}' to: set mqtt.host, or add [[{table}.notify]] to the alert"
        )
    return name
