"""`fer-edge now`: what is seen at this moment, from the diary on this device."""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timedelta
from pathlib import Path

from edge.cli.arguments import ConfigUse
from edge.cli.log import readable, where
from edge.cli.output import say
from edge.config.schema import Config

HELP = "what is seen at this moment"
CONFIG_USE = ConfigUse.REQUIRED
#: What is counted; and how late a row may be, beside the interval between readings.
_RECENTLY = timedelta(minutes=10)
_LATE_S = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = "It needs no broker: the diary's last rows, and whether the service runs."
    parser.add_argument("--json", action="store_true", help="one JSON object for scripts")


def execute(config: Config, options: argparse.Namespace) -> int:
    """Print it."""
    from edge.diary import layout, reader  # noqa: PLC0415
    from edge.report.latest import latest  # noqa: PLC0415

    directory = where(config)
    now = datetime.now().astimezone()
    since = now - timedelta(seconds=config.mood.reading_interval_s + _LATE_S)
    with readable(directory):
        paths = layout.files(directory)[-2:]
        rows = reader.between(paths, now - _RECENTLY, now + timedelta(days=1))
        found = latest(rows, since, now - _RECENTLY, _state(config, options.config, directory))
        if found.newest is None:
            found = found._replace(newest=reader.newest(layout.files(directory)))
    if options.json:
        say(json.dumps(found.as_object()))
        return 0
    say(f"{now:%Y-%m-%d %H:%M:%S}  {found.state}")
    if found.newest is not None and not found.faces:
        say(f"nobody in view; the newest row is of {found.newest:%Y-%m-%d %H:%M:%S}")
    for face, emotion, confidence, note, _ in found.faces:
        say(f"face {face}: {emotion} {confidence:.0%} {note}".rstrip())
    say(f"in the last 10 minutes {found.negative} of {found.counted} readings were negative")
    for alert in found.raised:
        say(f"alert '{alert}' is raised")
    return 0


def _state(config: Config, path: Path | None, directory: Path) -> str:
    """Return `watching`, `paused`, or that no service writes this diary."""
    from edge import filelock  # noqa: PLC0415
    from edge.config import pause  # noqa: PLC0415

    if not filelock.is_held(directory):
        return "not running"
    reasons = pause.reasons(config, pause.files_of(config, path), datetime.now())
    return f"paused ({', '.join(reasons)})" if reasons else "watching"
