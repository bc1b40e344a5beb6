"""What a model answers to faces: a `.tflite` as on the Pi, a Keras model in the worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from convert import process
from convert.compare import known
from convert.faces.data import Faces, read, read_test_split
from convert.faces.degrade import DEGRADED
from convert.request import Progress, Request
from edge.classifier import Classifier
from edge.errors import ModelError, RefusedFile
from edge.model_card import ModelCard
from edge.records import ByteArray, FloatArray

#: Keras models answer so many faces before they tell of it.
BATCH = 512


@dataclass(frozen=True)
class Asked:
    """The faces to score on: the part `split` of `data`, "" that which is set aside from training.

    `worse` asks for the same faces degraded, too.
    """

    data: Path
    split: str
    worse: bool

    @cached_property
    def faces(self) -> Faces:
        """All of them, of whatever classes; read once."""
        return read(self.data, self.split) if self.split else read_test_split(self.data)

    def conditions(self, faces: Faces) -> Iterator[tuple[str, list[ByteArray]]]:
        """The pictures of `faces`, first as they are, under the name ""."""
        yield "", faces.pictures
        if self.worse:
            for name, degraded in DEGRADED.items():
                yield name, [degraded(picture) for picture in faces.pictures]


@dataclass(frozen=True)
class Answers:
    """`rows`: by condition, float32 `(N, classes)`, probabilities in the order of `labels`.

    The N faces are those of `Asked` whose class is one of `labels`. `notes` are words about how
    labels and input range were found out.
    """

    labels: tuple[str, ...]
    rows: Mapping[str, FloatArray]
    notes: tuple[str, ...] = ()


def is_tflite(path: Path) -> bool:
    """Whether `path` is, or is called, a `.tflite`. Raises `RefusedFile` if it cannot be read."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(8)[4:] == b"TFL3" or path.suffix == ".tflite"
    except OSError as error:
        raise RefusedFile(f"{path}: cannot be read: {error.strerror}") from error


def tflite(path: Path, asked: Asked, progress: Progress) -> tuple[ModelCard, Answers]:
    """Of the `.tflite` at `path`, through the Pi's own classifier."""
    try:
        classifier = Classifier(path)
    except ModelError as error:  # for the Pi a wrong configuration, here a file that is refused
        raise RefusedFile(str(error)) from error
    faces = known(asked.faces, classifier.labels, asked.data)
    answers = {}
    for name, pictures in asked.conditions(faces):
        rows = []
        for done, picture in enumerate(pictures):
            rows.append(classifier.classify(picture))
            progress(f"int8 {name}".strip(), done + 1, len(pictures))
        answers[name] = np.stack(rows)
    return classifier.card, Answers(classifier.labels, answers)


def keras(
    source: str, asked: Asked, given: Mapping[str, Any], progress: Progress, verbose: bool
) -> Answers:
    """Of the Keras model at `source`.

    `given` are `weights`, `labels`, `input_range` and `input_size` as fer-convert takes them, None
    where nobody said.
    """
    request = {
        "task": "evaluate",
        "source": source,
        "data": str(asked.data),
        "split": asked.split,
        "worse": asked.worse,
        **given,
    }
    found = process.run(request, progress, verbose)
    rows = {name: np.array(answers, np.float32) for name, answers in found["answers"].items()}
    return Answers(tuple(found["labels"]), rows, tuple(found["notes"]))


def in_worker(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """What `keras` asks for: labels, notes, and the probabilities by condition."""
    # These import TensorFlow.
    from convert.finding.findings import find_out  # noqa: PLC0415
    from convert.float_model import prepared  # noqa: PLC0415
    from convert.opening.load import load  # noqa: PLC0415
    from convert.opening.shapes import parse_size  # noqa: PLC0415
    from convert.opening.sources import find  # noqa: PLC0415

    progress(process.READING, 0, 1)
    source, weights = request["source"], request["weights"]
    found = find(Path(source), Path(weights) if weights else None)
    model = load(found, parse_size(request["input_size"]))
    progress("probing", 0, 1)
    said = {name: request[name] for name in ("labels", "input_range")}
    finding = find_out(model, Request(source, "", weights, **said))
    asked = Asked(Path(request["data"]), request["split"], request["worse"])
    faces = known(asked.faces, finding.names, asked.data)
    answers = {}
    for name, pictures in asked.conditions(faces):
        parts = []
        for start in range(0, len(pictures), BATCH):
            pixels = prepared(pictures[start : start + BATCH], model.input_shape)
            parts.append(model.probabilities(pixels, finding.normalisation))
            done = min(start + BATCH, len(pictures))
            progress(f"float {name}".strip(), done, len(pictures))
        answers[name] = np.concatenate(parts).round(6).tolist()
    notes = [note for note in finding.known["notes"] if not all(said.values())]
    notes += [f"WARNING: {warning}" for warning in finding.known["warnings"]]
    return {"labels": list(finding.names), "notes": notes, "answers": answers}
