"""`fer-edge run`: watch, keep the diary, send alerts."""

from __future__ import annotations

import argparse
import dataclasses
import gc
import logging
import threading

from edge.cli.arguments import ConfigUse, positive, source
from edge.config import loader
from edge.config.schema import Config
from edge.service import signals

HELP = "watch, keep the diary, send alerts"
CONFIG_USE = ConfigUse.REQUIRED


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--source", type=source, metavar="X", help="instead of camera.source, for this run"
    )
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="debug logging",
    )
    parser.add_argument("--realtime", action="store_true", help="play a file at its own pace")
    parser.add_argument("--loop", type=positive, default=1, metavar="N", help="play a file N times")


def execute(config: Config, options: argparse.Namespace) -> int:
    """Run the service until its source ends or a signal stops it."""
    stop, requested = signals.listen()  # before the parts are loaded: that takes seconds
    gc.disable()  # until the loop begins (see `loop.serve`), as in `edge.__main__`
    try:
        _serve(config, options, stop, requested)
    finally:
        gc.enable()
    return 0


def _serve(
    config: Config,
    options: argparse.Namespace,
    stop: threading.Event,
    requested: threading.Event,
) -> None:
    from edge.messaging import credentials  # noqa: PLC0415
    from edge.service import reload  # noqa: PLC0415

    file = options.config or loader.SYSTEM_CONFIG
    for line in credentials.world_readable_secrets(config, file):
        logging.warning("%s", line)

    def with_options(loaded: Config) -> Config:
        if options.source is not None:
            camera = dataclasses.replace(loaded.camera, source=options.source)
            loaded = dataclasses.replace(loaded, camera=camera)
        if options.verbose:
            detailed = dataclasses.replace(loaded.logging, level="debug")
            loaded = dataclasses.replace(loaded, logging=detailed)
        return loaded

    reload.serve(
        with_options(config),
        lambda: with_options(loader.load(options.config)),
        stop,
        requested,
        realtime=options.realtime,
        loops=options.loop,
    )
