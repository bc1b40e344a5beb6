"""fer-evaluate: scores a `.tflite` or a Keras model on faces with known classes."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convert.compare import compare, known
from convert.faces.data import Faces, seen_in_training
from convert.request import Progress
from convert.scoring import answering, pictures, score_table
from convert.scoring.answering import Answers, Asked
from convert.scoring.metrics import score
from convert.screen import Bars, exit_code, joined
from convert.training.pool import CKPLUS
from edge import __version__
from edge.errors import UsageError
from edge.records import FloatArray

EXAMPLE = "example: fer-evaluate m.tflite --keras m.h5 --data fer2013.csv --split public"


@dataclass(frozen=True)
class Evaluation:
    """`scores` is for JSON; the rest for pictures: per kind, `int8` or `float`, the answers."""

    scores: dict[str, Any]
    faces: Faces
    labels: tuple[str, ...]
    answers: dict[str, FloatArray]


def parser() -> argparse.ArgumentParser:
    """The options; one screen of help."""
    made = argparse.ArgumentParser(
        prog="fer-evaluate",
        usage="fer-evaluate MODEL --data PATH [options]",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("model", metavar="MODEL", type=Path, help=".tflite, or what fer-convert opens")
    add("--data", metavar="PATH", type=Path, required=True, help="npz, FER2013 csv, class folders")
    splits = ["", "train", "public", "private"]
    part = "train, public or private (what is set aside from training, else all)"
    add("--split", metavar="PART", default="", choices=splits, help=part)
    add("--keras", metavar="MODEL", help="the float model that MODEL.tflite was made from")
    add("--weights", metavar="FILE", help="the weights of a model.json")
    add("--labels", metavar="ORDER", help="of a Keras model: fer, alphabetical, a list, a file")
    add("--input-range", metavar="R", help="of the Keras model: 0..1, -1..1, 0..255, mean,std")
    add("--input-size", metavar="HxW", help="for a Keras model that takes any, as 48x48")
    add("--robustness", action="store_true", help="also score the faces blurred, dark and far away")
    add("--pictures", metavar="DIR", type=Path, help="write confusion, reliability, ROC as PNG")
    add("--json", action="store_true", help="print everything as JSON")
    add("-v", "--verbose", action="store_true", help="show TensorFlow's own output")
    add("--version", action="version", version=f"fer-evaluate {__version__}")
    return made


def main(arguments: list[str] | None = None) -> int:
    """The command; its exit code."""
    options = parser().parse_args(joined(sys.argv[1:] if arguments is None else arguments))
    bars = Bars()

    def work() -> int:
        if options.pictures:
            pictures.check()
        found = evaluate(options, bars)
        bars.close()
        _deliver(found, options)
        return 0

    return exit_code("fer-evaluate", work, bars, as_json=options.json)


def evaluate(options: argparse.Namespace, progress: Progress) -> Evaluation:
    """Scores of the model, and with `--keras` of the float model beside it and how both agree.

    Raises `Problem` of the kind that fits.
    """
    tflite = answering.is_tflite(options.model)
    if not options.model.exists():
        raise UsageError(f"{options.model}: no such file")
    asked = Asked(options.data, options.split, options.robustness)
    words = ("weights", "labels", "input_range", "input_size")
    given = {name: getattr(options, name) for name in words}
    if tflite:
        answered = _tflite(options, asked, given, progress)
    else:
        if options.keras:
            raise UsageError(f"--keras: goes with a .tflite; {options.model} is none")
        floating = answering.keras(str(options.model), asked, given, progress, options.verbose)
        answered = {"float": floating}
    first = next(iter(answered.values()))
    everything = asked.faces
    faces = known(everything, first.labels, options.data)
    scores: dict[str, Any] = {
        "model": options.model.name,
        "data": options.data.name,
        "split": options.split,
        "labels": list(first.labels),
        "left_out": len(everything.pictures) - len(faces.pictures),
        "notes": [note for answers in answered.values() for note in answers.notes],
    }
    if not options.split:
        scores["notes"] += seen_in_training(options.data)
    if faces.unreadable:
        scores["notes"].append(f"{options.data}: {faces.unreadable} pictures cannot be read")
    scores |= {kind: scored(answers, faces) for kind, answers in answered.items()}
    plain = {kind: answers.rows[""] for kind, answers in answered.items()}
    if len(plain) == 2:
        scores["compared"] = compare(plain["float"], plain["int8"]).as_dict()
    return Evaluation(scores, faces, first.labels, plain)


def _tflite(
    options: argparse.Namespace, asked: Asked, given: dict[str, Any], progress: Progress
) -> dict[str, Answers]:
    """Of the `.tflite`, and of `--keras` with the labels, the range and the size of its card."""
    if options.labels:
        raise UsageError(f"--labels: {options.model} has its labels in its card")
    without_effect = [name for name, value in given.items() if value is not None]
    if without_effect and not options.keras:
        option = without_effect[0].replace("_", "-")
        raise UsageError(f"--{option}: is for a Keras model; give it with --keras, or leave it out")
    card, answers = answering.tflite(options.model, asked, progress)
    answered = {"int8": answers}
    if options.keras:
        value = options.input_range or card.more.get("input_range_value")
        if not isinstance(value, str):
            raise UsageError(f"{options.model}: its card has no input range; give --input-range")
        size = "x".join(str(side) for side in card.input_shape[1:3])
        given |= {"labels": ",".join(card.labels), "input_range": value, "input_size": size}
        answered["float"] = answering.keras(options.keras, asked, given, progress, options.verbose)
    return answered


def scored(answers: Answers, faces: Faces) -> dict[str, Any]:
    """`metrics.score`, and what else can be said of `faces`, for which `answers` are."""
    rows = answers.rows[""]
    found = score(rows, faces.truth, answers.labels)
    right = [
        answers.labels[answer] == truth
        for answer, truth in zip(rows.argmax(axis=1), faces.truth, strict=True)
    ]
    if people := _by_subject(faces, right):
        means = [float(np.mean(of_one)) for of_one in people.values()]
        found["subjects"] = {"people": len(people), "accuracy": round(float(np.mean(means)), 4)}
    in_data = [name in faces.truth for name in answers.labels]
    if not all(in_data):
        among = np.where(in_data, rows, -1.0).argmax(axis=1)
        hits = [answers.labels[a] == truth for a, truth in zip(among, faces.truth, strict=True)]
        found["accuracy_of_data_classes"] = round(float(np.mean(hits)), 4)
    if worse := {name: rows for name, rows in answers.rows.items() if name}:
        found["degraded"] = {
            name: score(rows, faces.truth, answers.labels) for name, rows in worse.items()
        }
    return found


def _by_subject(faces: Faces, right: list[bool]) -> dict[str, list[bool]]:
    """What was right, by person; empty unless every name tells who it is, as in CK+."""
    found: dict[str, list[bool]] = {}
    for name, hit in zip(faces.names, right, strict=False):
        person = CKPLUS.match(Path(name).name)
        if person is None:
            return {}
        found.setdefault(person[1], []).append(hit)
    return found


def _deliver(found: Evaluation, options: argparse.Namespace) -> None:
    if options.pictures:
        truth = np.array([found.labels.index(name) for name in found.faces.truth], np.intp)
        for kind, answers in found.answers.items():
            pictures.write(options.pictures, kind, answers, truth, found.labels)
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
        agreement = scores["compared"]["agreement"]
        print(f"difference {100 * loss:+.2f} points; the two agree on {agreement:.2%}")


if __name__ == "__main__":
    raise SystemExit(main())
