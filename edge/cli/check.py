"""`fer-edge check`: test every part of an installation, and say how to fix what fails."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from edge.cli.arguments import ConfigUse
from edge.cli.output import say
from edge.config import loader
from edge.config.checks import changed_names
from edge.config.schema import Config
from edge.errors import FerEdgeError
from edge.service import permissions

HELP = "test every part, say what is wrong"
CONFIG_USE = ConfigUse.REQUIRED


class Level(StrEnum):
    """Severity of a check's result."""

    OK = "ok"
    SKIP = "skip"
    WARN = "WARN"
    FAIL = "FAIL"


class Result(NamedTuple):
    """`text` says what was found, or what to do."""

    part: str
    level: Level
    text: str

    @property
    def ok(self) -> bool:
        """Whether the service can run with it; False if that could not be checked."""
        return self.level in {Level.OK, Level.WARN}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--json", action="store_true", help="one JSON object for scripts")


def execute(config: Config, options: argparse.Namespace) -> int:
    """Print the result for every part; return 1 if one has failed.

    For root, the service checks.
    """
    user = permissions.service_user()
    if user is not None:
        print(f"fer-edge: checking as the service's user {user}", file=sys.stderr)
        return permissions.run_as_service(user, _arguments(options))
    results = []
    for result in check(config, loader.found(options.config)):
        results.append(result)
        if not options.json:
            say(f"{result.level:<5} {result.part:<7} {result.text}", flush=True)
    all_ok = all(result.ok for result in results)
    if options.json:
        parts = [
            {"part": each.part, "ok": each.ok, "level": each.level.lower(), "text": each.text}
            for each in results
        ]
        say(json.dumps({"ok": all_ok, "parts": parts}))
    return 0 if all_ok else 1


def _arguments(options: argparse.Namespace) -> list[str]:
    config = ["--config", str(options.config.absolute())] if options.config else []
    return ["check", *config, *(["--json"] if options.json else [])]


def check(config: Config, file: Path | None) -> Iterator[Result]:
    """Check the configuration, read from `file`, then one part after the other."""
    from edge.messaging.credentials import world_readable_secrets  # noqa: PLC0415
    from edge.service.parts import PARTS  # noqa: PLC0415

    topics = f"topics {config.mqtt.prefix}/{config.device_name}/..."
    yield Result("config", Level.OK, f"{file or 'no file, so the defaults'}; {topics}")
    for line in changed_names(config):
        yield Result("config", Level.WARN, line)
    for line in world_readable_secrets(config, file or loader.SYSTEM_CONFIG):
        yield Result("config", Level.WARN, line)
    for part in PARTS:
        try:
            found = part.check(config)
        except FerEdgeError as error:
            for line in str(error).splitlines():
                yield Result(part.name, Level.FAIL, line)
            continue
        yield Result(part.name, Level.SKIP if found.skipped else Level.OK, found.text)
        for line in found.warnings:
            yield Result(part.name, Level.WARN, line)
