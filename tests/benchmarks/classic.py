"""The loop that people write first, measured beside ours: `fer-edge bench --json` and its ratios.

    python -m tests.benchmarks.classic VIDEO... [--frames N] [--every N] [--allocations]

As in most projects of this kind: colour to gray, `detectMultiScale(gray, 1.32, 5)`, inference for
each face, and a CSV file that is opened, appended to and closed. With TensorFlow it is measured
twice, `classic_keras` and `classic_tflite` (the same network in float). Without, the latter has the
shipped model, which is int8.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np

from edge.bench.loop import Timed
from edge.bench.run import Report, Request, bench, spread
from edge.cli.bench import CHILD
from edge.config.schema import Config
from edge.errors import FerEdgeError, ModelError, first_line
from edge.faces import cascade
from edge.records import ByteArray, FloatArray, Frame
from edge.tflite import RUNTIMES

#: A face, uint8 `(height, width)`, to probabilities `(classes,)`.
Infer: TypeAlias = Callable[[ByteArray], FloatArray]


class Rival(NamedTuple):
    """A Keras model and what TensorFlow Lite makes of it; `name` says which network it is."""

    name: str
    keras: Infer
    tflite: bytes
    """The model in float."""


class Loop(NamedTuple):
    """One loop, and the `model` that it classifies by."""

    model: str
    turn: Classic


def loops(folder: Path) -> dict[str, Loop]:
    """Return the loops that can be run here by their ratios' names, with CSV files in `folder`."""
    try:
        from tests.benchmarks.classic_keras import rival
    except ImportError:  # no TensorFlow
        path = Config().model.path
        infer = tflite(path.read_bytes(), path.name)
        return {"classic_tflite": _loop(f"{path.name}, int8", infer, folder / "tflite.csv")}
    found = rival()
    name = f"{found.name}, TFLite float"
    return {
        "classic_keras": _loop(f"{found.name}, Keras", found.keras, folder / "keras.csv"),
        "classic_tflite": _loop(name, tflite(found.tflite, name), folder / "tflite.csv"),
    }


def _loop(model: str, infer: Infer, path: Path) -> Loop:
    return Loop(model, Classic(infer, path))


class Classic:
    """One turn of the classic loop a call; `path` is its CSV file."""

    def __init__(self, infer: Infer, path: Path) -> None:
        self._infer, self._path = infer, path
        self._cascade = cascade.load()

    def __call__(self, colour: ByteArray) -> int:
        """Return the number of faces in `colour`, uint8 `(height, width, 3)`."""
        gray = np.asarray(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), np.uint8)
        faces = self._cascade.detectMultiScale(gray, 1.32, 5)
        for x, y, width, height in faces:
            chances = self._infer(gray[y : y + height, x : x + width])
            with self._path.open("a", newline="") as file:
                csv.writer(file).writerow([x, y, width, height, int(chances.argmax()), *chances])
        return len(faces)


def tflite(content: bytes, name: str) -> Infer:
    """Return the `.tflite` called `name` through its runtime's Python interface, as tutorials do.

    A float model gets pixels 0..1, an integer one as they are.
    """
    interpreter = _interpreter(content, name)
    source, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    _, height, width, channels = (int(side) for side in source["shape"])

    def infer(face: ByteArray) -> FloatArray:
        pixels = np.repeat(cv2.resize(face, (width, height))[None, :, :, None], channels, axis=3)
        if source["dtype"] is np.float32:
            pixels = pixels.astype(np.float32) / np.float32(255)
        interpreter.set_tensor(source["index"], pixels.astype(source["dtype"], copy=False))
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(answer["index"])[0], np.float32)

    return infer


def _interpreter(content: bytes, name: str) -> Any:
    reasons = []
    for runtime in RUNTIMES:
        try:
            interpreter = importlib.import_module(runtime).Interpreter(
                model_content=content, num_threads=1
            )
            interpreter.allocate_tensors()
        except (ImportError, AttributeError, ValueError, RuntimeError, SystemError) as error:
            reasons.append(f"{runtime.partition('.')[0]}: {first_line(error)}")
        else:
            return interpreter
    raise ModelError(f"{name}: no TFLite runtime can load it ({'; '.join(reasons)})")


def measured(request: Request, others: Mapping[str, Loop]) -> Report:
    """Return the benchmark's report with `classic`, the loops' costs, and their `ratio` to ours."""
    timed = {name: Timed(loop.turn) for name, loop in others.items()}

    def beside(frame: Frame) -> None:
        colour = np.asarray(cv2.cvtColor(frame.gray, cv2.COLOR_GRAY2BGR), np.uint8)
        for one in timed.values():
            one(colour)

    report = bench(Config(), request, CHILD, beside)
    ours_ms = report["cpu_ms"]["mean"]
    classic = {
        name: {"model": loop.model, "cpu_ms": spread(timed[name].ms)}
        for name, loop in others.items()
    }
    ratio: dict[str, float | None] = {"classic_keras": None, "classic_tflite": None}
    ratio |= {name: float(np.mean(one.ms)) / ours_ms for name, one in timed.items()}
    return report | {"classic": classic, "ratio": ratio}


def main() -> None:
    """Measure videos, and print a report for each of them, a line of JSON."""
    parser = argparse.ArgumentParser(description="The classic loop beside ours, as JSON.")
    parser.add_argument("videos", nargs="+", metavar="VIDEO")
    parser.add_argument("--frames", type=int, help="the first N only")
    parser.add_argument("--every", type=int, default=1, help="the classic loops: every Nth only")
    parser.add_argument("--allocations", action="store_true", help="with the first video")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="fer-edge-classic-") as folder:
            others = loops(Path(folder))
            for at, video in enumerate(options.videos):
                allocations = options.allocations and at == 0
                request = Request(video, options.frames, allocations, options.every)
                print(json.dumps(measured(request, others)), flush=True)
    except FerEdgeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
