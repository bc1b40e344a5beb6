"""fer-evaluate: scores a `.tflite` on faces with known classes, and the float model beside it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from convert import process
from convert.compare import compare, known
from convert.data import Faces, read, read_test_split
from convert.metrics import score
from convert.request import Progress
from convert.screen import Bars, joined
from edge import __version__
from edge.classifier import Classifier
from edge.errors import ModelError, Problem, RefusedFile, UsageError
from edge.records import FloatArray


def parser() -> argparse.ArgumentParser:
    """The options; one screen of help."""
    made = argparse.ArgumentParser(
        prog="fer-evaluate",
        description=__doc__,
        epilog="example:\n  fer-evaluate m.tflite --keras m.h5 --data fer2013.npz --split public",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("model", metavar="MODEL.tflite", type=Path)
    add("--data", metavar="PATH", type=Path, required=True, help="npz, FER2013 csv, class folders")
    add(
        "--split",
        default="",
        choices=["", "train", "public", "private"],
        help="part of the data (the one set aside)",
    )
    add("--keras", metavar="MODEL", help="the float model that it was made from")
    add("--weights", metavar="FILE", help="the weights of a model.json")
    add("--input-range", metavar="R", help="of the float model; as its card says")
    add("--json", action="store_true", help="print everything as JSON")
    add("-v", "--verbose", action="store_true", help="show TensorFlow's own output")
    add("--version", action="version", version=f"fer-evaluate {__version__}")
    return made


def main(arguments: list[str] | None = None) -> int:
    """The command; its exit code."""
    options = parser().parse_args(joined(sys.argv[1:] if arguments is None else arguments))
    bars = Bars()
    try:
        scores = evaluate(options, bars)
    except Problem as error:
        bars.close()
        print(f"fer-evaluate: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        bars.close()
        return 130
    bars.close()
    if options.json:
        print(json.dumps(scores))
    else:
        _show(scores)
    return 0


def evaluate(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Scores of the int8 file, and with `--keras` of the float model and how the two agree."""
    if not options.model.exists():
        raise UsageError(f"{options.model}: no such file")
    try:
        classifier = Classifier(options.model)
    except ModelError as error:  # for the Pi a wrong configuration, here a file that is refused
        raise RefusedFile(str(error)) from error
    faces = known(_faces(options.data, options.split), classifier.labels, options.data)
    rows = []
    for done, picture in enumerate(faces.pictures):
        rows.append(classifier.classify(picture))
        progress("int8", done + 1, len(faces.pictures))
    quantized = np.stack(rows)
    scores = {"int8": score(quantized, faces.truth, classifier.labels)}
    if options.keras:
        value = options.input_range or classifier.card.more.get("input_range_value")
        if not isinstance(value, str):
            raise UsageError(f"{options.model}: its card has no input range; give --input-range")
        request = {
            "task": "evaluate",
            "source": options.keras,
            "weights": options.weights,
            "input_range": value,
            "data": str(options.data),
            "split": options.split,
            "labels": list(classifier.labels),
        }
        exact = np.array(process.run(request, progress, options.verbose)["answers"], np.float32)
        scores["float"] = score(exact, faces.truth, classifier.labels)
        scores["compared"] = compare(exact, quantized).as_dict()
    return scores


def _faces(path: Path, split: str) -> Faces:
    """The part of the data that was asked for, else the one that was set aside from training."""
    return read(path, split) if split else read_test_split(path)


def float_answers(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """In the worker: the float model's probabilities of the same faces in the same order."""
    from convert import normalisation  # noqa: PLC0415
    from convert.float_model import prepared  # noqa: PLC0415
    from convert.load import load  # noqa: PLC0415
    from convert.sources import find  # noqa: PLC0415

    progress("float", 0, 1)
    source, data, labels = request["source"], request["data"], request["labels"]
    model = load(find(Path(source), Path(request["weights"]) if request["weights"] else None))
    if model.classes != len(labels):
        raise UsageError(f"{source}: gives {model.classes} classes, the .tflite {len(labels)}")
    faces = known(_faces(Path(data), request["split"]), tuple(labels), data)
    scaling = normalisation.parse(request["input_range"])
    parts: list[FloatArray] = []
    for start in range(0, len(faces.pictures), 512):
        pixels = prepared(faces.pictures[start : start + 512], model.input_shape)
        parts.append(model.probabilities(pixels, scaling))
        progress("float", min(start + 512, len(faces.pictures)), len(faces.pictures))
    return {"answers": np.concatenate(parts).round(6).tolist()}


def _show(scores: dict[str, Any]) -> None:
    for kind in ("int8", "float"):
        if kind in scores:
            print(f"{kind:<6} accuracy {scores[kind]['accuracy']:.2%} of {scores[kind]['faces']}")
    if "float" in scores:
        loss = scores["int8"]["accuracy"] - scores["float"]["accuracy"]
        agreement = scores["compared"]["agreement"]
        print(f"difference {100 * loss:+.2f} points; the two agree on {agreement:.2%}")


if __name__ == "__main__":
    raise SystemExit(main())
