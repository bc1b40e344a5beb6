"""Teachers: trained networks whose answers a smaller network learns.

After Hinton et al. 2015, arXiv 1503.02531.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np

from convert.training.batches import Teacher
from convert.training.fused_batchnorm import fused
from convert.training.style import LOGITS_LAYER, SOFTMAX_LAYER
from convert.training.temperature_scaling import softmax
from convert.training.trained_files import is_tflite, loaded, opened
from edge.expressions.classifier import Classifier
from edge.records import FloatArray

OPTION = "--teacher"


def ensemble(paths: Sequence[str], classes: tuple[str, ...], precision: str) -> Teacher | None:
    """Return a function for the teachers' mean answer; None if `paths` is empty.

    Teachers are `.keras` files from `fer-train`, which take gray pixels 0..255 and compute in a
    recipe's `precision`, and `.tflite` files from `fer-convert`, which answer as on the Pi. Raises
    `UsageError` for other files and for other classes, `RefusedFile` for damaged files.
    """
    if not paths:
        return None
    teachers = [_teacher(Path(path), classes, precision) for path in paths]

    def answer(pixels: FloatArray) -> FloatArray:
        answers = [teacher(pixels) for teacher in teachers]
        mean: FloatArray = np.mean(answers, axis=0, dtype=np.float32)
        return mean

    return answer


def _teacher(path: Path, classes: tuple[str, ...], precision: str) -> Teacher:
    """Return the teacher's answers, `(N, classes)`, to gray pixels `(N, h, w, any)`."""
    if is_tflite(OPTION, path):
        return partial(_said, opened(OPTION, path, classes))
    return partial(_probabilities, _fast(loaded(OPTION, path, classes), precision))


def _said(classifier: Classifier, pixels: FloatArray) -> FloatArray:
    """Return the answers of a `.tflite`, one picture at a time."""
    gray = np.rint(np.clip(pixels[..., 0], 0, 255)).astype(np.uint8)
    return np.stack([classifier.classify(picture) for picture in gray])


def _fast(teacher: keras.Model, precision: str) -> keras.Model:
    """Return `teacher` with its features computed in `precision`, like its pupil's.

    Its batch normalisation is fused.
    """
    if precision == "bfloat16":
        for layer in itertools.takewhile(lambda layer: layer.name != LOGITS_LAYER, teacher.layers):
            layer.dtype_policy = "mixed_bfloat16"
    return fused(teacher)


def _probabilities(teacher: keras.Model, pixels: FloatArray) -> FloatArray:
    """Return the answers of a network; see `_teacher`."""
    _, height, width, channels = teacher.input_shape
    gray = pixels[..., :1]
    if gray.shape[1:3] != (height, width):
        gray = keras.ops.convert_to_numpy(keras.ops.image.resize(gray, (height, width)))
    answers = np.asarray(teacher.predict_on_batch(np.repeat(gray, channels, axis=-1)), np.float32)
    return answers if teacher.layers[-1].name == SOFTMAX_LAYER else softmax(answers)
