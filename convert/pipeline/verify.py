"""Compare the finished `.tflite` with float, through the Pi's classifier."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convert.agreement import Comparison, compare
from convert.faces import reader
from convert.faces.reader import Faces
from convert.faces.synthetic import judging_faces
from convert.inspection import responses
from convert.inspection.evidence import STANDARDISED
from convert.inspection.findings import Findings
from convert.loading.float_model import FloatModel, prepared
from convert.normalisation import NAMED
from convert.quantizing.calibrate import VERIFICATION_SEED, face_count
from convert.request import Progress, Request
from convert.scoring.metrics import score
from edge.expressions.classifier import Classifier
from edge.records import ByteArray, FloatArray

#: Maximum number of the user's faces to score, for inputs over 64 pixels a side.
MAX_FACES_LARGE = 1000
#: Number of the user's faces to try other ranges and orders on.
TRIAL_FACES = 350
#: Another range or order is reported if its accuracy is this much higher.
MUCH_BETTER = 0.1


@dataclass(frozen=True)
class Verification:
    """Results for the card, and faces with answers as examples for a report."""

    results: dict[str, Any]
    comparison: Comparison
    faces: Faces
    exact: FloatArray
    quantized: FloatArray


def verify(
    model: FloatModel, findings: Findings, content: bytes, request: Request, progress: Progress
) -> Verification:
    """Measure the `.tflite`'s agreement, and its accuracy on the user's faces.

    None of the faces were used to calibrate it.
    """
    own = _own_faces(model, findings, request)
    faces = own or Faces(list(judging_faces(2 * face_count(model), VERIFICATION_SEED)[0]))
    quantized = answers(content, faces.pictures, progress)
    exact = _float_answers(model, findings, faces)
    comparison = compare(exact, quantized)
    results: dict[str, Any] = {
        "compared": {
            **comparison.as_dict(),
            "on": Path(request.evaluate or "").name if own else "synthetic faces",
        }
    }
    if own:
        results["evaluation"] = {
            "int8": score(quantized, faces.truth, findings.names),
            "float": score(exact, faces.truth, findings.names),
        }
        results["warnings"] = [
            *reader.training_overlap(Path(request.evaluate or "")),
            *_better_options(model, findings, faces),
        ]
    return Verification(results, comparison, faces, exact, quantized)


def answers(content: bytes, pictures: list[ByteArray], progress: Progress) -> FloatArray:
    """Return the `.tflite`'s answers, through the Pi's own classifier."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(content)
        classifier = Classifier(path)
        rows = []
        for done, picture in enumerate(pictures):
            rows.append(classifier.classify(picture))
            progress("comparing", done + 1, len(pictures))
    return np.stack(rows)


def _own_faces(model: FloatModel, findings: Findings, request: Request) -> Faces | None:
    if request.evaluate is None:
        return None
    path = Path(request.evaluate)
    faces = reader.read_test_split(path)
    if request.calibrate == request.evaluate and reader.is_undivided(path):
        faces = Faces(faces.pictures[1::2], faces.truth[1::2])
    faces = faces.of_classes(findings.names, path)
    return faces if max(model.input_shape[1:3]) <= 64 else faces.sample(MAX_FACES_LARGE)


def _float_answers(model: FloatModel, findings: Findings, faces: Faces) -> FloatArray:
    parts = []
    for start in range(0, len(faces.pictures), 256):
        pixels = prepared(faces.pictures[start : start + 256], model.input_shape)
        parts.append(model.probabilities(pixels, findings.normalisation))
    return np.concatenate(parts)


def _better_options(model: FloatModel, findings: Findings, faces: Faces) -> list[str]:
    """Return a warning if another range or order is far more accurate."""
    sample = faces.sample(TRIAL_FACES)
    pixels = prepared(sample.pictures, model.input_shape)
    ranges = {**NAMED, "standardised": STANDARDISED, "chosen": findings.normalisation}
    orders = {names: kind for kind, names in responses.candidates(model.classes)}
    orders |= {findings.names: "chosen"}
    scores = {}
    for range_name, normalisation in ranges.items():
        answered = model.probabilities(pixels, normalisation)
        for names, kind in orders.items():
            scores[range_name, kind, names] = float(np.mean(sample.hits(answered, names)))
    chosen = scores["chosen", "chosen", findings.names]
    range_name, kind, names = max(scores, key=scores.__getitem__)
    best = scores[range_name, kind, names]
    if best < max(chosen, 1 / model.classes) + MUCH_BETTER:  # nothing below chance is better
        return []
    options = [] if range_name == "chosen" else [f"--input-range {ranges[range_name].value}"]
    options += [] if kind == "chosen" else [f"--labels {','.join(names)}"]
    count = len(sample.pictures)
    return [f"{' '.join(options)} scores {best:.1%} on {count} faces, not {chosen:.1%}"]
