"""`fer-edge preview`: the live picture in a browser, for setting up the camera."""

from __future__ import annotations

import argparse
import dataclasses
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.arguments import ConfigUse, source
from edge.cli.output import say
from edge.config import pause
from edge.config.schema import Config
from edge.service import signals

if TYPE_CHECKING:
    from edge.preview.server import Server

HELP = "show the live picture, and what is wrong with it, in a browser"
CONFIG_USE = ConfigUse.REQUIRED
LOOPBACK, PORT = "127.0.0.1", 8765


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = (
        "The service is paused as long as this runs. Nothing is stored, except by --snapshot."
        f" From another computer: ssh -L {PORT}:{LOOPBACK}:{PORT} NAME-OF-THIS-MACHINE"
    )
    parser.add_argument("--source", type=source, metavar="X", help="instead of camera.source")
    parser.add_argument(
        "--listen",
        default=LOOPBACK,
        metavar="ADDRESS",
        help=f"IP address to be reached at; a token is needed unless it is {LOOPBACK} (default)",
    )
    parser.add_argument("--port", type=_port, default=PORT, metavar="N", help=f"default {PORT}")
    parser.add_argument(
        "--snapshot", type=Path, metavar="FILE", help="store one picture (.jpg, .png) and end"
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError("must be a number from 1 to 65535")
    return int(text)


def execute(config: Config, options: argparse.Namespace) -> int:
    """Show the picture until Ctrl-C, or store one."""
    stop, _ = signals.listen()
    from edge.preview import live  # noqa: PLC0415

    files = pause.files_of(config, options.config)
    if options.source is not None:
        camera = dataclasses.replace(config.camera, source=options.source)
        config = dataclasses.replace(config, camera=camera)
    if options.snapshot is None:
        live.live(config, files, stop, (options.listen, options.port), _announce)
        return 0
    scene = live.snapshot(config, files, stop, options.snapshot)
    if scene is not None:
        faces = "1 face" if len(scene.faces) == 1 else f"{len(scene.faces)} faces"
        say("\n".join([f"{options.snapshot}: {faces}", *map(str, scene.advice)]))
    return 0


def _announce(server: Server) -> None:
    if server.access.local:
        port = server.server_address[1]
        command = f"ssh -L {port}:{LOOPBACK}:{port} {socket.gethostname()}"
        lines = [f"{server.url}  (from another computer first: {command})"]
    else:
        lines = [f"{server.url}  (works once, for one browser; anyone on the way can see it)"]
    say("\n".join([*lines, "the service is paused; Ctrl-C ends this"]), flush=True)
