"""What fer-evaluate reports: scores of a model, and how int8 and float agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convert.agreement import compare
from convert.faces.reader import Faces, training_overlap
from convert.faces.subjects import subject_of
from convert.request import Progress
from convert.scoring import predictions
from convert.scoring.metrics import score
from convert.scoring.predictions import EvaluationData, Predictions
from convert.scoring.readings import as_readings, mean_of_camera
from edge.config.alerts import AlertConfig
from edge.errors import UsageError
from edge.records import FloatArray


@dataclass(frozen=True)
class EvaluationRequest:
    """The options of `fer-evaluate`.

    `keras` is the float model to compare a `.tflite` with; `given` are `weights`, `labels`,
    `input_range`, `input_size` and `output` of the Keras model, None where not stated.
    `min_confidence` is that at which readings count, by default an alert's.
    """

    model: Path
    data: EvaluationData
    keras: str | None
    given: Mapping[str, str | None]
    verbose: bool
    min_confidence: float = AlertConfig.min_confidence


@dataclass(frozen=True)
class Evaluation:
    """Scores for JSON; faces, labels and `answers` of int8 or float for plots."""

    scores: dict[str, Any]
    faces: Faces
    labels: tuple[str, ...]
    answers: dict[str, FloatArray]


def evaluate(request: EvaluationRequest, progress: Progress) -> Evaluation:
    """Score the model, and with `keras` the float model and their agreement.

    Raises the fitting kind of `FerEdgeError`.
    """
    predicted = _predictions(request, progress)
    data = request.data
    first = next(iter(predicted.values()))
    faces = data.faces.of_classes(first.labels, data.path)
    scores: dict[str, Any] = {
        "model": request.model.name,
        "data": data.path.name,
        "split": data.split,
        "labels": list(first.labels),
        "left_out": len(data.faces.pictures) - len(faces.pictures),
        "notes": [note for answers in predicted.values() for note in answers.notes],
    }
    if not data.split:
        scores["notes"] += training_overlap(data.path)
    if faces.unreadable:
        scores["notes"].append(f"{data.path}: {faces.unreadable} pictures cannot be read")
    scores["min_confidence"] = request.min_confidence
    scores |= {
        kind: scored(answers, faces, request.min_confidence) for kind, answers in predicted.items()
    }
    plain = {kind: answers.rows[""] for kind, answers in predicted.items()}
    if len(plain) == 2:
        scores["compared"] = compare(plain["float"], plain["int8"]).as_dict()
    return Evaluation(scores, faces, first.labels, plain)


def _predictions(request: EvaluationRequest, progress: Progress) -> dict[str, Predictions]:
    is_tflite = predictions.is_tflite(request.model)
    if not request.model.exists():
        raise UsageError(f"{request.model}: no such file")
    if is_tflite:
        return _of_tflite(request, progress)
    if request.keras:
        raise UsageError(f"--keras: requires a .tflite to compare with, not {request.model}")
    source, verbose = str(request.model), request.verbose
    return {"float": predictions.keras(source, request.data, request.given, progress, verbose)}


def _of_tflite(request: EvaluationRequest, progress: Progress) -> dict[str, Predictions]:
    """Return predictions of the `.tflite`, and of `keras` with the card's options."""
    given = dict(request.given)
    if given["labels"]:
        raise UsageError(f"--labels: {request.model} contains its own labels; leave it out")
    unused = [name for name, value in given.items() if value is not None]
    if unused and not request.keras:
        option = unused[0].replace("_", "-")
        raise UsageError(f"--{option}: only for a Keras model; give --keras too, or leave it out")
    card, answers = predictions.tflite(request.model, request.data, progress)
    predicted = {"int8": answers}
    if request.keras:
        value = given["input_range"] or card.more.get("input_range_value")
        if not isinstance(value, str):
            raise UsageError(f"{request.model}: no input range in its card; give --input-range")
        size = "x".join(str(side) for side in card.input_shape[1:3])
        given |= {"labels": ",".join(card.labels), "input_range": value, "input_size": size}
        given["output"] = given["output"] or card.more.get("output")
        predicted["float"] = predictions.keras(
            request.keras, request.data, given, progress, request.verbose
        )
    return predicted


def scored(
    answers: Predictions, faces: Faces, min_confidence: float = AlertConfig.min_confidence
) -> dict[str, Any]:
    """Return `metrics.score` of the answers to `faces`, and further figures."""

    def score_of(rows: FloatArray) -> dict[str, Any]:
        readings = as_readings(rows, faces.truth, answers.labels, min_confidence)
        return score(rows, faces.truth, answers.labels) | readings

    rows = answers.rows[""]
    found = score_of(rows)
    hits = faces.hits(rows, answers.labels)
    if people := _by_subject(faces, hits):
        means = [float(np.mean(of_one)) for of_one in people.values()]
        found["subjects"] = {"people": len(people), "accuracy": round(float(np.mean(means)), 4)}
    in_data = [name in faces.truth for name in answers.labels]
    if not all(in_data):
        hits = faces.hits(np.where(in_data, rows, -1.0), answers.labels)
        found["accuracy_of_data_classes"] = round(float(np.mean(hits)), 4)
    if worse := {name: rows for name, rows in answers.rows.items() if name}:
        found["degraded"] = {name: score_of(rows) for name, rows in worse.items()}
        found["mean_of_four"] = mean_of_camera(found["degraded"])
    return found


def _by_subject(faces: Faces, hits: list[bool]) -> dict[str, list[bool]]:
    """Return the hits by person; empty unless every name identifies one, as in CK+."""
    found: dict[str, list[bool]] = {}
    for name, hit in zip(faces.names, hits, strict=False):
        person = subject_of(name)
        if not person:
            return {}
        found.setdefault(person, []).append(hit)
    return found
