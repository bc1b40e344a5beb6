"""fer-evaluate: score a .tflite or a Keras model on faces with known classes."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from convert.agreement import agreement
from convert.cli import task
from convert.cli.command import PLACE, joined, run, share
from convert.cli.progress import Bars
from convert.detection import evaluate as detection
from convert.scoring import plots, score_table
from convert.scoring.evaluation import Evaluation, EvaluationRequest, evaluate
from convert.scoring.predictions import EvaluationData
from edge import __version__
from edge.config.alerts import AlertConfig
from edge.report import drawing

EXAMPLE = "example: fer-evaluate m.tflite --keras m.h5 --data fer2013.csv --split public\n"


def parser() -> argparse.ArgumentParser:
    """Return the parser; its help fits on one screen."""
    made = argparse.ArgumentParser(
        prog="fer-evaluate",
        usage="fer-evaluate [--task faces] MODEL --data PATH [options]",
        epilog=EXAMPLE + PLACE,
        add_help=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument_group(
        "Score a .tflite or a Keras model on faces with known classes"
    ).add_argument
    add("-h", "--help", action="help", help=argparse.SUPPRESS)
    add("model", metavar="MODEL", type=Path, help=".tflite, or what fer-convert opens")
    add("--data", metavar="PATH", type=Path, required=True, help="npz, FER2013 csv, class folders")
    splits = ["", "train", "public", "private"]
    split = "train, public, private (default: held out, else all)"
    add("--split", metavar="SPLIT", default="", choices=splits, help=split)
    add("--keras", metavar="MODEL", help="the float model that MODEL.tflite was made from")
    add("--weights", metavar="FILE", help="the weights of a model.json")
    add("--labels", metavar="ORDER", help="of a Keras model: fer, alphabetical, a list, a file")
    add("--input-range", metavar="R", help="of the Keras model: 0..1, -1..1, 0..255, mean,std")
    add("--input-size", metavar="HxW", help="for a Keras model of any input size, such as 48x48")
    add("--output", metavar="NAME", help="of a Keras model with several outputs: the expressions'")
    add("--robustness", action="store_true", help="also blurred, far, dark, as JPEG")
    least = "least confidence of a reading that counts (default: an alert's)"
    default = AlertConfig.min_confidence
    add("--min-confidence", metavar="P", type=share, default=default, help=least)
    add("--pictures", metavar="DIR", type=Path, help="write confusion, reliability, ROC as PNG")
    add("--json", action="store_true", help="print everything as JSON")
    add("-v", "--verbose", action="store_true", help="show TensorFlow's own output")
    add("--version", action="version", version=f"fer-evaluate {__version__}")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if (rest := task.faces(arguments)) is not None:
        return detection.main(rest)
    options = parser().parse_args(joined(arguments))
    bars = Bars()

    def work() -> int:
        if options.pictures:
            drawing.require("--pictures")
        found = evaluate(_request(options), bars)
        bars.close()
        _deliver(found, options)
        return 0

    return run("fer-evaluate", work, bars, as_json=options.json)


def _request(options: argparse.Namespace) -> EvaluationRequest:
    names = ("weights", "labels", "input_range", "input_size", "output")
    return EvaluationRequest(
        model=options.model,
        data=EvaluationData(options.data, options.split, options.robustness),
        keras=options.keras,
        given={name: getattr(options, name) for name in names},
        verbose=options.verbose,
        min_confidence=options.min_confidence,
    )


def _deliver(found: Evaluation, options: argparse.Namespace) -> None:
    if options.pictures:
        truth = np.array([found.labels.index(name) for name in found.faces.truth], np.intp)
        for kind, answers in found.answers.items():
            plots.write(options.pictures, kind, answers, truth, found.labels)
    scores = found.scores
    for line in scores["notes"]:
        print(line, file=sys.stderr)
    if options.json:
        print(json.dumps(scores))
        return
    if scores["left_out"]:
        print(f"{scores['left_out']} faces left out: of classes that the model does not know")
    for kind in found.answers:
        print(*score_table.lines(kind, scores[kind]), "", sep="\n")
    if "compared" in scores:
        loss = scores["int8"]["accuracy"] - scores["float"]["accuracy"]
        print(f"int8 minus float: {100 * loss:+.2f} points; it {agreement(scores['compared'])}")


if __name__ == "__main__":
    raise SystemExit(main())
