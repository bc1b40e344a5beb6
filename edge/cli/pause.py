"""`fer-edge pause`: close the camera until `fer-edge resume`, over a restart too."""

from __future__ import annotations

import argparse

from edge.cli.arguments import ConfigUse
from edge.cli.output import say
from edge.config import pause
from edge.config.schema import Config
from edge.errors import FerEdgeError

HELP = "stop watching: the service closes the camera"
CONFIG_USE = ConfigUse.REQUIRED


def add_arguments(_: argparse.ArgumentParser) -> None:
    """Take no options of its own."""


def execute(config: Config, options: argparse.Namespace) -> int:
    """Make the file that pauses the service, whether it runs or not."""
    files = pause.files_of(config, options.config)
    try:
        new = files.pause()
    except (FileExistsError, NotADirectoryError) as error:
        raise FerEdgeError(
            f"state.directory: {files.written.parent} is a file, not a directory, or below a file"
        ) from error
    except OSError as error:
        raise FerEdgeError(
            f"{error.filename or files.written}: {error.strerror}; try: sudo fer-edge pause"
        ) from error
    if new:
        say(f"paused ({files.written}); to watch again: fer-edge resume")
    else:
        say("already paused; to watch again: fer-edge resume")
    return 0
