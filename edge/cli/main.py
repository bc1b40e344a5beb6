"""`fer-edge`: arguments to command to exit code; the one place where errors end."""

from __future__ import annotations

import argparse
import importlib
import logging
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from edge import __version__
from edge.cli.arguments import ConfigUse
from edge.cli.output import discard, say, tolerate
from edge.config import loader
from edge.config.schema import Config
from edge.errors import FerEdgeError, memory_shortage


class Command(Protocol):
    """A module of this package. It imports its parts when it runs.

    OpenCV and the model's runtime take seconds to load on a Pi, and `fer-edge log` needs neither.
    """

    HELP: str
    CONFIG_USE: ConfigUse

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of this command."""

    def execute(self, config: Config, options: argparse.Namespace) -> int:
        """Do it, and return the exit code."""


#: Each is the name of a module of this package.
COMMANDS = (
    "run",
    "check",
    "demo",
    "bench",
    "log",
    "summary",
    "now",
    "forget",
    "report",
    "export",
    "mqtt",
    "status",
    "pause",
    "resume",
    "preview",
    "reload",
    "test-alert",
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code, or that of the error.

    See `edge.errors`.
    """
    tolerate()
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # see `edge.__main__`
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return _run(_parsed(sys.argv[1:] if arguments is None else arguments))
    except FerEdgeError as error:
        for line in str(error).splitlines():
            print(f"fer-edge: {line}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:  # whoever read our output has gone, as `head` does
        discard()
        return 0


def _parsed(arguments: list[str]) -> argparse.Namespace:
    # Only what will run is loaded: all commands together take longer than the service's start may.
    name = next((word for word in arguments if not word.startswith("-")), "")
    names = (name,) if name in COMMANDS else COMMANDS
    try:
        return _parser({name: _command(name) for name in names}).parse_args(arguments)
    except SystemExit:
        say("", end="", flush=True)  # what --help has printed
        raise


def _command(name: str) -> Command:
    return cast(Command, importlib.import_module(f"edge.cli.{name.replace('-', '_')}"))


def _run(options: argparse.Namespace) -> int:
    command = _command(options.command)
    config = _config(command, options.config)
    logging.basicConfig(
        level=config.logging.level.upper(),
        format="%(levelname)s: %(message)s",
        stream=sys.stderr,
    )
    with memory_shortage():
        code = command.execute(config, options)
    say("", end="", flush=True)  # what the buffer holds may still be refused
    return code


def _config(command: Command, path: Path | None) -> Config:
    if command.CONFIG_USE is ConfigUse.UNUSED:
        return Config()
    try:
        return loader.load(path)
    except loader.ConfigUnreadable as error:
        if command.CONFIG_USE is ConfigUse.REQUIRED:
            raise
        print(f"fer-edge: {error}; using the defaults", file=sys.stderr)
        return Config()


def _parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fer-edge",
        description="Facial expressions on a Raspberry Pi: a diary, and alerts over MQTT.",
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--config", type=Path, metavar="FILE", help="instead of /etc/fer-edge/config.toml"
    )
    for one in (parser, shared):
        one.add_argument("--version", action="version", version=f"fer-edge {__version__}")
    parsers = parser.add_subparsers(
        title="commands", required=True, metavar="COMMAND", dest="command"
    )
    for name, command in commands.items():
        command.add_arguments(parsers.add_parser(name, parents=[shared], help=command.HELP))
    return parser


if __name__ == "__main__":
    sys.exit(main())
