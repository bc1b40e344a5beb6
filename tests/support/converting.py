"""What the tests of the converter share: conversions in this process, and small real models."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import pytest

from convert.loading.float_model import FloatModel
from convert.loading.load import load
from convert.loading.model_files import find
from convert.pipeline.convert import convert
from convert.request import Request

# keras comes from here: its backend is chosen above.
__all__ = [
    "converted",
    "keras",
    "old_runtime",
    "opened",
    "quiet",
    "small_network",
    "trained_network",
]


def quiet(_stage: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


def converted(source: Path, out: Path, **options: Any) -> dict[str, Any]:
    """The card of the model made from `source`, written to `out`."""
    return convert(Request(str(source), str(out), **options), quiet)


def opened(network: keras.Model, folder: Path) -> FloatModel:
    """Load `network` from a file, as the converter does."""
    network.save(folder / "model.keras")
    return load(find(folder / "model.keras", None))


def small_network(classes: int = 7, channels: int = 1, activation: str = "softmax") -> keras.Model:
    """A network of a few hundred weights for 48x48 pictures, its weights as they fall."""
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((48, 48, channels)),
            keras.layers.Conv2D(6, 5, strides=3, activation="relu"),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(classes, activation=activation),
        ]
    )


def trained_network(pictures: Any, classes: Any, scale: float, offset: float) -> keras.Model:
    """A small network fitted for a few seconds to tell `classes` of uint8 `pictures` apart."""
    network = small_network()
    network.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    pixels = pictures[..., None].astype("float32") * scale + offset
    network.fit(pixels, classes, epochs=8, batch_size=64, verbose=0)
    return network


#: Run by a Python that has tflite-runtime 2.14 and nothing of ours: model, faces, answers.
_OLD = """
import sys, numpy
from tflite_runtime.interpreter import Interpreter
interpreter = Interpreter(sys.argv[1])
interpreter.allocate_tensors()
taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
rows = []
for face in numpy.load(sys.argv[2]):
    interpreter.set_tensor(taken["index"], face[None])
    interpreter.invoke()
    rows.append(interpreter.get_tensor(given["index"])[0])
scale, zero = given["quantization"]
assert scale == 1 / 256
numpy.save(sys.argv[3], (numpy.array(rows, "float32") - zero) * scale)
"""


def old_runtime(model: Path, faces: Path, answers: Path) -> Any:
    """What tflite-runtime 2.14 answers to `faces`, an `.npy`; skips where it is not at hand."""
    python = os.environ.get("FER_EDGE_TFLITE_RUNTIME_PYTHON")
    if not python:
        pytest.skip("FER_EDGE_TFLITE_RUNTIME_PYTHON names no Python with tflite-runtime 2.14")
    subprocess.run([python, "-c", _OLD, model, faces, answers], check=True, timeout=120)
    return np.load(answers)
