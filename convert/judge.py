"""Compares the finished `.tflite` with the float model, through the classifier of the Pi itself."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convert.compare import compare, known
from convert.faces import data
from convert.faces.data import Faces
from convert.faces.synthetic_faces import judging_faces
from convert.finding import probe
from convert.finding.evidence import STANDARDISED
from convert.finding.findings import Findings
from convert.float_model import FloatModel, prepared
from convert.normalisation import NAMED
from convert.quantizing.attempts import JUDGING_SEED, face_count
from convert.request import Progress, Request
from convert.scoring.metrics import score
from edge.classifier import Classifier
from edge.records import ByteArray, FloatArray

#: Own faces that are scored at most, for inputs over 64 pixels a side.
MOST_OF_LARGE = 1000
#: Own faces that other ranges and orders are tried on.
TRIED = 350
#: Another range or order is worth a word if it scores so much better.
FAR_BETTER = 0.1


@dataclass(frozen=True)
class Judgement:
    """`found` is for the card; the rest lets a report show examples."""

    found: dict[str, Any]
    faces: Faces
    exact: FloatArray
    quantized: FloatArray


def judge(
    model: FloatModel, finding: Findings, content: bytes, request: Request, progress: Progress
) -> Judgement:
    """Of the `.tflite` in `content`, with its card: agreement, and with own faces accuracy.

    The faces are none of those that it was calibrated with.
    """
    own = _own_faces(model, finding, request)
    faces = own or Faces(list(judging_faces(2 * face_count(model), JUDGING_SEED)[0]))
    quantized = answers(content, faces.pictures, progress)
    exact = _float_answers(model, finding, faces)
    found: dict[str, Any] = {
        "compared": {
            **compare(exact, quantized).as_dict(),
            "on": Path(request.evaluate or "").name if own else "synthetic faces",
        }
    }
    if own:
        found["evaluation"] = {
            "int8": score(quantized, faces.truth, finding.names),
            "float": score(exact, faces.truth, finding.names),
        }
        found["warnings"] = [
            *data.seen_in_training(Path(request.evaluate or "")),
            *_better_ways(model, finding, faces),
        ]
    return Judgement(found, faces, exact, quantized)


def answers(content: bytes, pictures: list[ByteArray], progress: Progress) -> FloatArray:
    """What the `.tflite` answers on this machine, through the Pi's own classifier."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(content)
        classifier = Classifier(path)
        rows = []
        for done, picture in enumerate(pictures):
            rows.append(classifier.classify(picture))
            progress("comparing", done + 1, len(pictures))
    return np.stack(rows)


def _own_faces(model: FloatModel, finding: Findings, request: Request) -> Faces | None:
    if request.evaluate is None:
        return None
    path = Path(request.evaluate)
    faces = data.read_test_split(path)
    if request.calibrate == request.evaluate and data.is_whole(path):
        faces = Faces(faces.pictures[1::2], faces.truth[1::2])
    faces = known(faces, finding.names, path)
    return faces if max(model.input_shape[1:3]) <= 64 else faces.some(MOST_OF_LARGE)


def _float_answers(model: FloatModel, finding: Findings, faces: Faces) -> FloatArray:
    parts = []
    for start in range(0, len(faces.pictures), 256):
        pixels = prepared(faces.pictures[start : start + 256], model.input_shape)
        parts.append(model.probabilities(pixels, finding.normalisation))
    return np.concatenate(parts)


def _better_ways(model: FloatModel, finding: Findings, faces: Faces) -> list[str]:
    """Words about another range or order that would score far better on own faces."""
    some = faces.some(TRIED)
    pixels = prepared(some.pictures, model.input_shape)
    ways = {**NAMED, "standardised": STANDARDISED, "chosen": finding.normalisation}
    orders = {names: kind for kind, names in probe.candidates(model.classes)}
    orders |= {finding.names: "chosen"}
    scores = {}
    for way, normalisation in ways.items():
        said = model.probabilities(pixels, normalisation).argmax(axis=1)
        for names, kind in orders.items():
            hits = [names[answer] == truth for answer, truth in zip(said, some.truth, strict=True)]
            scores[way, kind, names] = float(np.mean(hits))
    here = scores["chosen", "chosen", finding.names]
    way, kind, names = max(scores, key=scores.__getitem__)
    best = scores[way, kind, names]
    if best < here + FAR_BETTER:
        return []
    said = [] if way == "chosen" else [f"--input-range {ways[way].value}"]
    said += [] if kind == "chosen" else [f"--labels {','.join(names)}"]
    return [f"{' '.join(said)} scores {best:.1%} on {len(some.pictures)} faces, not {here:.1%}"]
