"""`fer-edge bench`: what the loop costs on this machine."""

from __future__ import annotations

import argparse
import json
import sys

from edge.cli.arguments import ConfigUse, positive, source
from edge.cli.output import say
from edge.config.schema import Config

HELP = "what it costs on this machine"
CONFIG_USE = ConfigUse.OPTIONAL
#: The process whose memory and start are measured.
CHILD = (sys.executable, "-m", "edge.cli.bench_child")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--source", type=source, metavar="VIDEO", help="instead of the packaged clip"
    )
    parser.add_argument("--frames", type=positive, metavar="N", help="only the first N")
    parser.add_argument(
        "--allocations", action="store_true", help="also the growth over 10,000 frames"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object for scripts")


def execute(config: Config, options: argparse.Namespace) -> int:
    """Measure, and print the report."""
    from edge.bench import report  # noqa: PLC0415
    from edge.bench.run import Request, bench  # noqa: PLC0415

    request = Request(options.source, options.frames, options.allocations)
    measured = bench(config, request, CHILD)
    for line in [json.dumps(measured)] if options.json else report.lines(measured):
        say(line)
    return 0
