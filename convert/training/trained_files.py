"""Trained models that an option of `fer-train` names: to learn from, or to begin with."""

from __future__ import annotations

from pathlib import Path

import keras

from convert.loading.training_record import recorded_labels
from edge.errors import ModelError, RefusedFile, UsageError, first_line
from edge.expressions.classifier import Classifier


def is_tflite(option: str, path: Path) -> bool:
    """Return whether `path` is a `.tflite` by its name.

    Raises `UsageError` if it is not a file.
    """
    if not path.is_file():
        raise UsageError(f"{option} {path}: no such file")
    return path.suffix == ".tflite"


def opened(option: str, path: Path, classes: tuple[str, ...]) -> Classifier:
    """Return the `.tflite` at `path`.

    Raises `UsageError` for other classes, else `RefusedFile`.
    """
    try:
        classifier = Classifier(path)
    except ModelError as error:  # a wrong configuration on the Pi, a refused file here
        raise RefusedFile(f"{option} {error}") from error
    _check(option, path, classifier.labels, classes)
    return classifier


def loaded(option: str, path: Path, classes: tuple[str, ...]) -> keras.Model:
    """Return the network in `fer-train`'s file at `path`.

    Raises `UsageError` for other files and for other classes, `RefusedFile` for damaged files.
    """
    labels = recorded_labels(path)
    if labels is None:
        raise UsageError(f"{option} {path}: not made by fer-train, so its classes are unknown")
    _check(option, path, labels, classes)
    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RefusedFile(f"{option} {path}: damaged ({first_line(error)})") from error


def _check(option: str, path: Path, labels: tuple[str, ...], classes: tuple[str, ...]) -> None:
    if labels != classes:
        raise UsageError(
            f"{option} {path}: its classes are {', '.join(labels)}; the data's are"
            f" {', '.join(classes)}"
        )
