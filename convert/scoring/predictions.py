"""A model's answers to faces: `.tflite` as on the Pi, Keras in the worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from convert import process
from convert.faces.degrade import DEGRADED
from convert.faces.reader import Faces, read, read_test_split
from convert.request import Progress, Request
from edge.errors import ModelError, RefusedFile
from edge.expressions.classifier import Classifier
from edge.expressions.model_card import ModelCard
from edge.records import ByteArray, FloatArray

#: Number of faces that Keras models process between progress reports.
BATCH = 512


@dataclass(frozen=True)
class EvaluationData:
    """The faces to score on: a `split`, "" for those held out from training.

    `robustness` adds the same faces degraded.
    """

    path: Path
    split: str
    robustness: bool

    @cached_property
    def faces(self) -> Faces:
        """All faces of the split, whatever their class; read once."""
        return read(self.path, self.split) if self.split else read_test_split(self.path)

    def conditions(self, faces: Faces) -> Iterator[tuple[str, list[ByteArray]]]:
        """Yield the pictures of `faces` by condition, first unchanged, under the name ""."""
        yield "", faces.pictures
        if self.robustness:
            for name, degraded in DEGRADED.items():
                yield name, [degraded(picture) for picture in faces.pictures]


@dataclass(frozen=True)
class Predictions:
    """Probabilities, float32 `(N, classes)`, in `rows` by condition.

    Columns are in the order of `labels`. The N faces are those of `EvaluationData` whose class is
    one of `labels`. `notes` say how labels and input range were determined.
    """

    labels: tuple[str, ...]
    rows: Mapping[str, FloatArray]
    notes: tuple[str, ...] = ()


def is_tflite(path: Path) -> bool:
    """Return whether `path` is a `.tflite` by its content or its name.

    Raises `RefusedFile` if it cannot be read.
    """
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(8)[4:] == b"TFL3" or path.suffix == ".tflite"
    except OSError as error:
        raise RefusedFile(f"{path}: cannot be read: {error.strerror}") from error


def tflite(path: Path, data: EvaluationData, progress: Progress) -> tuple[ModelCard, Predictions]:
    """Return the card and the predictions of a `.tflite`, made as on the Pi."""
    try:
        classifier = Classifier(path)
    except ModelError as error:  # a wrong configuration on the Pi, a refused file here
        raise RefusedFile(str(error)) from error
    faces = data.faces.of_classes(classifier.labels, data.path)
    answers = {}
    for name, pictures in data.conditions(faces):
        rows = []
        for done, picture in enumerate(pictures):
            rows.append(classifier.classify(picture))
            progress(f"int8 {name}".strip(), done + 1, len(pictures))
        answers[name] = np.stack(rows)
    return classifier.card, Predictions(classifier.labels, answers)


def keras(
    source: str, data: EvaluationData, given: Mapping[str, Any], progress: Progress, verbose: bool
) -> Predictions:
    """Return the predictions of the Keras model at `source`, from the worker.

    `given` are `weights`, `labels`, `input_range`, `input_size` and `output` as in fer-convert,
    None where not stated.
    """
    request = {
        "task": "evaluate",
        "source": source,
        "data": str(data.path),
        "split": data.split,
        "robustness": data.robustness,
        **given,
    }
    found = process.run(request, progress, verbose)
    rows = {name: np.array(answers, np.float32) for name, answers in found["answers"].items()}
    return Predictions(tuple(found["labels"]), rows, tuple(found["notes"]))


def in_worker(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Perform the request of `keras`: return labels, notes and probabilities."""
    # These import TensorFlow.
    from convert.inspection.findings import find_out  # noqa: PLC0415
    from convert.loading.float_model import prepared  # noqa: PLC0415
    from convert.loading.load import load  # noqa: PLC0415
    from convert.loading.model_files import find  # noqa: PLC0415
    from convert.loading.shapes import parse_size  # noqa: PLC0415

    progress(process.LOADING, 0, 1)
    source, weights = request["source"], request["weights"]
    files = find(Path(source), Path(weights) if weights else None)
    model = load(files, parse_size(request["input_size"]), request["output"])
    progress("probing", 0, 1)
    stated = {name: request[name] for name in ("labels", "input_range")}
    findings = find_out(model, Request(source, "", weights, **stated))
    data = EvaluationData(Path(request["data"]), request["split"], request["robustness"])
    faces = data.faces.of_classes(findings.names, data.path)
    answers = {}
    for name, pictures in data.conditions(faces):
        parts = []
        for start in range(0, len(pictures), BATCH):
            pixels = prepared(pictures[start : start + BATCH], model.input_shape)
            parts.append(model.probabilities(pixels, findings.normalisation))
            done = min(start + BATCH, len(pictures))
            progress(f"float {name}".strip(), done, len(pictures))
        answers[name] = np.concatenate(parts).round(6).tolist()
    notes = [note for note in findings.known["notes"] if not all(stated.values())]
    notes += [f"WARNING: {warning}" for warning in findings.known["warnings"]]
    return {"labels": list(findings.names), "notes": notes, "answers": answers}
