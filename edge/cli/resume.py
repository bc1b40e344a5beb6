"""`fer-edge resume`: watch again after `fer-edge pause`."""

from __future__ import annotations

import argparse
from datetime import datetime

from edge.cli.arguments import ConfigUse
from edge.cli.output import say
from edge.config import pause
from edge.config.pause import Reason
from edge.config.schema import Config
from edge.errors import FerEdgeError

HELP = "watch again"
CONFIG_USE = ConfigUse.REQUIRED


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--all", action="store_true", help="end a pause over MQTT, too")


def execute(config: Config, options: argparse.Namespace) -> int:
    """Remove the file that pauses the service; say what else still does."""
    files = pause.files_of(config, options.config)
    try:
        ended = files.resume()
        if options.all:
            ended |= pause.remove(files.mqtt)
    except OSError as error:
        raise FerEdgeError(
            f"{error.filename}: {error.strerror}; try: sudo fer-edge resume"
        ) from error
    still = pause.reasons(config, files, datetime.now())
    if still:
        say("\n".join(f"still paused: {_how(reason, config)}" for reason in still))
    else:
        say("watching again" if ended else "it was not paused")
    return 0


def _how(reason: Reason, config: Config) -> str:
    """Return why, and what ends it."""
    topic = f"{config.mqtt.prefix}/{config.device_name}/watching/set"
    return {
        Reason.FILE: "by a file that was made again just now",
        Reason.MQTT: f"over MQTT, until ON is sent to {topic}, or: fer-edge resume --all",
        Reason.PREVIEW: "by fer-edge preview, until that ends",
        Reason.QUIET: f"it is a quiet time ({', '.join(config.watching.quiet)}: watching.quiet)",
    }[reason]
