"""Teachers: trained networks whose answers a smaller one learns (Hinton et al. 2015)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from convert.training.batches import Teacher
from convert.training.fused import fused
from convert.training.stamp import labels_of
from convert.training.temperature import HEAD, PROBABILITIES, softmax
from edge.errors import RefusedFile, UsageError, first_line
from edge.records import FloatArray


def together(paths: Sequence[str], classes: tuple[str, ...], precision: str) -> Teacher | None:
    """The mean of the answers of the teachers in `paths`; None where there is none.

    They are files of `fer-train`, which take grey pixels 0..255, and compute as a recipe's
    `precision` says. Raises `UsageError` where one is not, or has other classes, `RefusedFile`
    where it is damaged.
    """
    if not paths:
        return None
    teachers = [_fast(_opened(Path(path), classes), precision) for path in paths]

    def answer(pixels: FloatArray) -> FloatArray:
        answers = [_probabilities(teacher, pixels) for teacher in teachers]
        mean: FloatArray = np.mean(answers, axis=0, dtype=np.float32)
        return mean

    return answer


def _opened(path: Path, classes: tuple[str, ...]) -> keras.Model:
    if not path.exists():
        raise UsageError(f"--teacher {path}: no such file")
    labels = labels_of(path)
    if labels is None:
        raise UsageError(f"--teacher {path}: was not made by fer-train, so its classes are unknown")
    if labels != classes:
        raise UsageError(
            f"--teacher {path}: knows {', '.join(labels)}; the data {', '.join(classes)}"
        )
    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RefusedFile(f"--teacher {path}: is damaged ({first_line(error)})") from error


def _fast(teacher: keras.Model, precision: str) -> keras.Model:
    """`teacher` as its pupil computes: its features in bfloat16 where the recipe says so."""
    if precision == "bfloat16":
        for layer in itertools.takewhile(lambda layer: layer.name != HEAD, teacher.layers):
            layer.dtype_policy = "mixed_bfloat16"
    return fused(teacher)


def _probabilities(teacher: keras.Model, pixels: FloatArray) -> FloatArray:
    """What `teacher` says of grey `pixels` `(N, h, w, any)`: `(N, classes)`."""
    _, height, width, channels = teacher.input_shape
    shown = pixels[..., :1]
    if shown.shape[1:3] != (height, width):
        shown = keras.ops.convert_to_numpy(keras.ops.image.resize(shown, (height, width)))
    answers = np.asarray(teacher.predict_on_batch(np.repeat(shown, channels, axis=-1)), np.float32)
    return answers if teacher.layers[-1].name == PROBABILITIES else softmax(answers)
