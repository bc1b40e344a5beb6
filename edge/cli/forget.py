"""`fer-edge forget`: delete what the diary has of a time, or all of it."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

from edge.cli.arguments import ConfigUse
from edge.cli.log import readable, where
from edge.cli.moments import midnight
from edge.cli.output import say
from edge.config.schema import Config
from edge.errors import FerEdgeError, UsageError

HELP = "delete the diary before a day, or all of it"
CONFIG_USE = ConfigUse.REQUIRED


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = (
        "Deletes rows, archives and hours of the table on this device, also while the service runs."
        " Pages, exports and backups that were made of them are not found."
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--before", type=midnight, metavar="DATE", help="before its 00:00, such as 2026-03-01"
    )
    which.add_argument("--all", action="store_true", help="everything")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="one JSON object for scripts")


def execute(config: Config, options: argparse.Namespace) -> int:
    """Delete, and say what."""
    from edge.diary.forget import forget  # noqa: PLC0415

    directory = where(config)
    with readable(directory):
        if not options.yes and not _confirmed(directory, options.before):
            raise FerEdgeError("nothing was deleted")
        try:
            found = forget(directory, options.before)
        except (PermissionError, IsADirectoryError):  # `readable` says what helps
            raise
        except OSError as error:
            raise FerEdgeError(
                f"{error.filename or directory}: {error.strerror}; what is left was not deleted:"
                " run it again"
            ) from error
    if options.json:
        say(json.dumps(found._asdict()))
    else:
        say(f"deleted: rows: {found.rows}, files: {found.files}, hours of the table: {found.hours}")
    return 0


def _confirmed(directory: Path, before: datetime | None) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("without a terminal to ask on, --yes is needed")
    what = f"what is from before {before:%Y-%m-%d}" if before else "everything"
    print(f"Delete {what} in {directory}? It cannot be undone. [y/N] ", end="", file=sys.stderr)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
