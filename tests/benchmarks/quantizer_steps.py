"""What each step of the quantizer contributes: each one switched off by itself.

    python -m tests.benchmarks.quantizer_steps --data fer2013.npz MODEL.h5 [MODEL.json ...]
    python -m tests.benchmarks.quantizer_steps --data fer2013.npz --input-range 0..255 MODEL.keras

Models are converted as by `fer-convert` without options, calibrated with synthetic faces, and
compared with float on FER2013's public test split: on all faces of the model's classes, on 1,000
evenly spaced ones for inputs over 64 pixels a side. Prints a row per model and variant. The
table in `convert.quantizing.calibrate` was made with this.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from convert.agreement import compare
from convert.faces.reader import Faces, read
from convert.inspection.findings import Findings, find_out
from convert.loading.float_model import FloatModel, prepared
from convert.loading.load import load
from convert.loading.model_files import find
from convert.quantizing import calibrate, gptq, quantize
from convert.quantizing.bias_correction import correct_biases
from convert.quantizing.ranges import aligned, widened
from convert.request import Request
from edge.records import ByteArray, FloatArray

MAX_FACES_LARGE = 1000
HEAD = (
    "| model | variant | faces | agreement % | accuracy % | float % | mean distance |\n"
    "|---|---|---:|---:|---:|---:|---:|"
)


@dataclass(frozen=True)
class Steps:
    """Which steps are taken."""

    equalization: bool = True
    wider_ranges: bool = True
    aligned_steps: bool = True
    gptq: bool = True
    bias_correction: bool = True


def variants() -> Iterator[tuple[str, Steps]]:
    """Yield all steps, all but one, and none."""
    names = [field.name for field in fields(Steps)]
    yield "all", Steps()
    for name in names:
        yield f"without {name.replace('_', ' ')}", replace(Steps(), **{name: False})
    yield "none", Steps(**dict.fromkeys(names, False))


@dataclass(frozen=True)
class Subject:
    """A model under test, the faces to calibrate it with, and the two float files."""

    model: FloatModel
    findings: Findings
    calibration: ByteArray
    equalized: bytes
    plain: bytes

    def int8(self, steps: Steps) -> bytes:
        """Return the int8 `.tflite` that these steps make."""
        exact = self.equalized if steps.equalization else self.plain
        if steps.wider_ranges:
            exact = widened(exact, calibrate.RANGE_FACTOR)
        if steps.aligned_steps:
            exact = aligned(exact)
        content = quantize.int8(exact)
        if steps.gptq:
            content = gptq.round_weights(content, exact, self.calibration)
        if steps.bias_correction:
            content = correct_biases(content, exact, self.calibration)
        return content


def subject(path: Path, input_range: str | None, labels: str | None) -> Subject:
    """Load, inspect and calibrate the model at `path`."""
    model = load(find(path, None))
    findings = find_out(model, Request(str(path), "", input_range=input_range, labels=labels))
    graph = quantize.frozen(model, findings.normalisation)
    pictures = calibrate.calibration_faces(Request("", ""), calibrate.face_count(model))
    pixels = prepared(pictures, model.input_shape)
    equalized = quantize.calibrated(graph, pixels, _quiet)
    plain = quantize.calibrated(graph, pixels, _quiet, equalize=False)
    return Subject(model, findings, pixels, equalized, plain)


def _quiet(_stage: str, _done: int, _total: int) -> None:
    pass


def rows(path: Path, tested: Subject, faces: Faces) -> Iterator[list[str]]:
    """Yield the cells of each variant."""
    model, names = tested.model, tested.findings.names
    if any(name in faces.truth for name in names):
        faces = faces.of_classes(names, "the data")
    if max(model.input_shape[1:3]) > 64:
        faces = faces.sample(MAX_FACES_LARGE)
    pixels = prepared(faces.pictures, model.input_shape)
    exact = model.probabilities(pixels, tested.findings.normalisation)
    for variant, steps in variants():
        answers = quantize.run(tested.int8(steps), pixels)
        distance = float(np.abs(exact - answers).sum(axis=1).mean() / 2)
        yield [
            path.parent.name,
            variant,
            str(len(pixels)),
            f"{100 * compare(exact, answers).agreement:.2f}",
            _accuracy(answers, faces, names),
            _accuracy(exact, faces, names),
            f"{distance:.4f}",
        ]


def _accuracy(answers: FloatArray, faces: Faces, names: tuple[str, ...]) -> str:
    if not set(names) & set(faces.truth):
        return "–"
    chosen: Any = answers.argmax(axis=1)
    hits = [names[answer] == truth for answer, truth in zip(chosen, faces.truth, strict=True)]
    return f"{100 * float(np.mean(hits)):.2f}"


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", metavar="MODEL", type=Path, nargs="+")
    parser.add_argument("--data", metavar="PATH", type=Path, required=True)
    parser.add_argument("--input-range", metavar="R", help="as for fer-convert")
    parser.add_argument("--labels", metavar="ORDER", help="as for fer-convert")
    options = parser.parse_args(arguments)
    faces = read(options.data, "public")
    print(HEAD)
    for path in options.models:
        tested = subject(path, options.input_range, options.labels)
        for cells in rows(path, tested, faces):
            print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
