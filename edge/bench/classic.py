"""The loop that people write first, for comparison: Haar on the whole frame, a prediction per face.

As in most projects of this kind: colour to gray, `detectMultiScale(gray, 1.32, 5)`, inference for
each face, and a CSV file that is opened, appended to and closed.
"""

from __future__ import annotations

import csv
import importlib
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np

from edge.bench.loop import Timed
from edge.classifier import RUNTIMES
from edge.config import Config
from edge.daemon import model_path
from edge.errors import ModelError, UsageError, first_line
from edge.records import Box, ByteArray, FloatArray

#: Where a package that has TensorFlow, such as our own `convert`, names a function `() -> Rival`.
GROUP = "fer_edge.bench"
#: A face, uint8 `(height, width)`, to probabilities `(classes,)`.
Infer: TypeAlias = Callable[[ByteArray], FloatArray]


class Rival(NamedTuple):
    """A Keras model and what TensorFlow Lite makes of it; `name` says which network it is."""

    name: str
    keras: Infer
    tflite: bytes
    """The model in float."""


#: Classic loops by the names of their ratios, each with what it classifies by.
Rivals: TypeAlias = dict[str, tuple[str, Timed[int]]]


def rivals(config: Config, given: Path | None, folder: Path) -> Rivals:
    """The classic loops that can be run here, CSV files in `folder`.

    With TensorFlow: `classic_keras`, and the same network in float for `classic_tflite`. Without,
    the latter has the `.tflite` given, or else the configured model, which is int8.
    """
    # What was given first: it may be no model, and TensorFlow takes seconds.
    name, infer = (str(given), tflite(_read(given), str(given))) if given else ("", None)
    found = _rival()
    if infer is None and found is not None:
        name = f"{found.name}, TFLite float"
        infer = tflite(found.tflite, name)
    elif infer is None:
        path = model_path(config.model.path)
        name = f"{path.name}, int8"
        infer = tflite(_read(path), name)
    made = {"classic_tflite": (name, Timed(Classic(infer, folder / "tflite.csv")))}
    if found is not None:
        classic = Classic(found.keras, folder / "keras.csv")
        made["classic_keras"] = (f"{found.name}, Keras", Timed(classic))
    return made


def _rival() -> Rival | None:
    """What an installed package offers; None where there is none, or no TensorFlow."""
    for entry in entry_points(group=GROUP):
        try:
            make: Callable[[], Rival] = entry.load()
        except ImportError:
            continue
        return make()
    return None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error


def _cascade() -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(
        str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml")
    )


class FullHaar:
    """OpenCV's search of the whole frame, at its defaults for scale step and neighbours: 1.1, 5."""

    def __init__(self) -> None:
        self._cascade = _cascade()

    def __call__(self, gray: ByteArray) -> list[Box]:
        """Every face that it sees, from 24 pixels on."""
        return [Box(*map(int, b)) for b in self._cascade.detectMultiScale(gray, 1.1, 5)]


class Classic:
    """One turn of the classic loop a call; `path` is its CSV file."""

    def __init__(self, infer: Infer, path: Path) -> None:
        self._infer, self._path = infer, path
        self._cascade = _cascade()

    def __call__(self, colour: ByteArray) -> int:
        """The number of faces in `colour`, uint8 `(height, width, 3)`."""
        gray = np.asarray(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), np.uint8)
        faces = self._cascade.detectMultiScale(gray, 1.32, 5)
        for x, y, width, height in faces:
            chances = self._infer(gray[y : y + height, x : x + width])
            with self._path.open("a", newline="") as file:
                csv.writer(file).writerow([x, y, width, height, int(chances.argmax()), *chances])
        return len(faces)


def tflite(content: bytes, name: str) -> Infer:
    """The `.tflite` called `name` through its runtime's Python interface, as tutorials show it.

    A float model gets pixels 0..1, an integer one as they are. Raises `ModelError` where no runtime
    loads it, `UsageError` where it does not take one gray or colour picture.
    """
    interpreter = _interpreter(content, name)
    source, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    shape = tuple(int(side) for side in source["shape"])
    if len(shape) != 4 or shape[0] != 1 or shape[3] not in {1, 3}:
        raise UsageError(f"{name}: takes {list(shape)}, which is no picture of a face (1, h, w, 1)")

    def infer(face: ByteArray) -> FloatArray:
        pixels = np.repeat(cv2.resize(face, shape[2:0:-1])[None, :, :, None], shape[3], axis=3)
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
