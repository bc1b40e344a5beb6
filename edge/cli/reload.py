"""`fer-edge reload`: what `systemctl reload fer-edge` runs, so that it fails where we refuse."""

from __future__ import annotations

import argparse
import os

from edge.cli.arguments import ConfigUse
from edge.config.schema import Config
from edge.errors import UsageError
from edge.service import reload_answer

HELP = "make the service reload its configuration (for systemctl reload)"
CONFIG_USE = ConfigUse.UNUSED
"""Only the service reads it, and says what is wrong with it."""


def add_arguments(_: argparse.ArgumentParser) -> None:
    """Take no options: systemd says which process it is."""


def execute(_config: Config, _options: argparse.Namespace) -> int:
    """Ask the service and wait for its answer; raise its reason where it refuses."""
    pid = os.environ.get("MAINPID", "")
    if not pid.isdecimal():
        raise UsageError("$MAINPID is not set; use: sudo systemctl reload fer-edge")
    reload_answer.request(int(pid))
    return 0
