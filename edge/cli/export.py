"""`fer-edge export`: the diary as Parquet or CSV files for research."""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.arguments import ConfigUse
from edge.cli.log import readable, where
from edge.cli.moments import in_order, moment
from edge.cli.output import say
from edge.config.names import fits, slug
from edge.config.schema import Config
from edge.diary import layout
from edge.errors import FerEdgeError, UsageError
from edge.packaged import MODELS, SHIPPED

if TYPE_CHECKING:
    from edge.export.run import Result

HELP = "write the diary as Parquet or CSV files for research"
CONFIG_USE = ConfigUse.REQUIRED


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = (
        "The files are DIR/device=NAME/date=YYYY-MM-DD/part-*; DIR/_data_dictionary.json says what"
        " their columns mean. Exporting into the same DIR again adds only what is new."
    )
    form = parser.add_mutually_exclusive_group(required=True)
    form.add_argument("--parquet", action="store_true", help="typed columns; needs pyarrow")
    form.add_argument("--csv", action="store_true", help="text")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument("--since", type=moment, metavar="WHEN", help="rows from then on (see log)")
    parser.add_argument("--until", type=moment, metavar="WHEN", help="rows before then")
    parser.add_argument(
        "--diary", type=Path, metavar="DIR", help="a copy of a diary, instead of this device's"
    )
    parser.add_argument("--device", type=_device, metavar="NAME", help="whose diary it is")


def _device(text: str) -> str:
    if not fits(text):
        raise argparse.ArgumentTypeError("must have 1 to 32 of a-z 0-9 _ -")
    return text


def _named(config: Config, given: str | None) -> str:
    """Return the device's name in files, and say so where it was written differently."""
    name = slug(given) if given else config.device_name
    called = given or config.device or socket.gethostname()
    if called != name:
        print(f"fer-edge: device '{called}' is '{name}' in the files", file=sys.stderr)
    return name


def execute(config: Config, options: argparse.Namespace) -> int:
    """Export, and say what was written."""
    from edge.export import forms  # noqa: PLC0415
    from edge.export.run import export  # noqa: PLC0415

    if options.diary and not options.device:
        raise UsageError("--diary needs --device NAME: whose diary is it?")
    in_order(options.since, options.until)
    diary = options.diary or where(config)
    with readable(diary, must_exist=False, key="--diary" if options.diary else "diary.directory"):
        paths = layout.files(diary)
        if not paths:
            raise FerEdgeError(f"no diary in {diary} (see diary.directory)")
        result = export(
            paths,
            options.out,
            _named(config, options.device),
            forms.parquet_form() if options.parquet else forms.csv_form(),
            [config.model.path, *(MODELS / f"{name}.tflite" for name in SHIPPED)],
            options.since,
            options.until,
        )
    say(_said(result, options.out))
    return 0


def _said(result: Result, out: Path) -> str:
    files = len(result.files)
    text = f"{result.new_rows} new rows in {files} {'file' if files == 1 else 'files'} in {out}"
    if result.known_rows:
        text += f"; {result.known_rows} were there already"
    return text + (f"; {result.left_out} lines left out" if result.left_out else "")
