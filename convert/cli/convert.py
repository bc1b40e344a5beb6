"""fer-convert: a trained Keras model in, one self-describing int8 .tflite out."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from convert import process
from convert.cli import card_lines
from convert.cli.command import PLACE, joined, percentage, run
from convert.cli.progress import Bars
from convert.request import MIN_AGREEMENT, Request
from edge import __version__
from edge.errors import ModelError, RefusedFile, UsageError
from edge.expressions.model_card import read_card
from edge.report import drawing

EXAMPLE = "example: fer-convert m.keras --labels fer --input-range -1..1 --evaluate f.npz\n"


def parser() -> argparse.ArgumentParser:
    """Return the parser; its help fits on one screen."""
    made = argparse.ArgumentParser(
        prog="fer-convert",
        usage="fer-convert MODEL [options]",
        epilog=EXAMPLE + PLACE,
        add_help=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument_group(
        "A trained Keras emotion model in, one self-describing int8 .tflite out"
    ).add_argument
    add("-h", "--help", action="help", help=argparse.SUPPRESS)
    add("model", metavar="MODEL", type=Path, help=".h5, .hdf5, .keras, SavedModel folder, .json")
    add("-o", "--out", metavar="FILE", type=Path, help="the .tflite (default: beside MODEL)")
    add("--weights", metavar="FILE", help="the weights of a model.json")
    add("--labels", metavar="ORDER", help="fer, alphabetical, a comma-separated list, or a file")
    add("--input-range", metavar="R", help="0..1, -1..1, 0..255, mean,std, or an .npz of both")
    add("--input-size", metavar="N", help="48 or 64x48, if the network takes any size")
    add("--output", metavar="NAME", help="of several outputs, that of the expressions")
    add("--calibrate", metavar="PATH", help="faces to set int8's ranges: npz, csv, folder, video")
    add("--evaluate", metavar="PATH", help="faces with classes to score int8 and float on")
    add("--report", metavar="DIR", type=Path, help="write report.html and report.json there")
    agreement = "of int8 with float (default: 95%%), else no file"
    add("--min-agreement", metavar="N%", type=percentage, default=MIN_AGREEMENT, help=agreement)
    add("--inspect", action="store_true", help="only print what a .tflite says of itself")
    add("--json", action="store_true", help="print the whole card and the findings as JSON")
    add("--force", action="store_true", help="overwrite the .tflite")
    add("-v", "--verbose", action="store_true", help="show TensorFlow's own output")
    add("--version", action="version", version=f"fer-convert {__version__}")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(joined(sys.argv[1:] if arguments is None else arguments))
    bars = Bars()

    def work() -> int:
        return _inspect(options) if options.inspect else _convert(options, bars)

    return run("fer-convert", work, bars, as_json=options.json)


def _inspect(options: argparse.Namespace) -> int:
    if not options.model.exists():
        raise UsageError(f"{options.model}: no such file")
    try:
        card = read_card(options.model)
    except ModelError as error:
        raise RefusedFile(str(error)) from error
    found = card.as_dict()
    print(json.dumps(found) if options.json else "\n".join(card_lines.screen(found)))
    return 0


def _convert(options: argparse.Namespace, bars: Bars) -> int:
    out = options.out or options.model.with_suffix(".tflite")
    _check(options, out)
    # In the same folder, so that the last step is one rename and nobody sees a partial file.
    with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=".fer-convert-") as folder:
        made, report = Path(folder) / "made.tflite", Path(folder) / "report"
        report.mkdir()
        request = Request(
            source=str(options.model),
            out=str(made),
            weights=options.weights,
            labels=options.labels,
            input_range=options.input_range,
            input_size=options.input_size,
            output=options.output,
            calibrate=options.calibrate,
            evaluate=options.evaluate,
            report=str(report) if options.report else None,
            min_agreement=options.min_agreement,
        )
        try:
            card = process.run({"task": "convert", **asdict(request)}, bars, options.verbose)
        finally:
            bars.close()
            _deliver(report, options.report)
        made.replace(out)
    _summary(card, options, out)
    return 0


def _check(options: argparse.Namespace, out: Path) -> None:
    """Refuse what can be refused without TensorFlow."""
    if not options.model.exists():
        raise UsageError(f"{options.model}: no such file")
    if out.exists() and not options.force:
        raise UsageError(
            f"{out}: already exists; overwrite it with --force, or write elsewhere with -o FILE"
        )
    if out.is_dir():
        raise UsageError(f"{out}: is a folder; -o expects a file")
    if not os.access(out.absolute().parent, os.W_OK):
        raise UsageError(f"{out}: its folder is not writable; use -o FILE")
    if options.report:
        drawing.require("--report")


def _deliver(report: Path, folder: Path | None) -> None:
    """Copy the report to the user's folder, even if the model was not good enough."""
    files = list(report.iterdir())
    if folder is None or not files:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            (folder / file.name).write_bytes(file.read_bytes())
    except OSError as error:
        raise UsageError(f"--report {folder}: cannot write it: {error.strerror}") from error


def _summary(card: dict[str, Any], options: argparse.Namespace, out: Path) -> None:
    for line in card["notes"]:
        print(line, file=sys.stderr)
    for line in card["warnings"]:
        print(f"WARNING: {line}", file=sys.stderr)
    source = options.model
    before = card["source_bytes"]
    print(
        f"{source} ({before / 1e6:.2f} MB) -> {out} ({out.stat().st_size / 1e6:.2f} MB): "
        f"{', '.join(card['labels'])}; {card_lines.quality(card)}",
        file=sys.stderr if options.json else sys.stdout,
    )
    if options.json:
        print(json.dumps(card))


if __name__ == "__main__":
    raise SystemExit(main())
