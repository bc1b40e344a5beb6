"""Weights to begin with: those of a trained network, from a `.keras` or back from a `.tflite`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from convert.extras import require
from convert.training.trained_files import is_tflite, loaded, opened
from convert.training.unfolding import folded, unfold
from edge.errors import RefusedFile, UsageError
from edge.records import ByteArray

OPTION = "--start"
#: Pictures that the averages are measured on, and least share of them in which a network must
#: answer as the `.tflite` that it was taken from.
MEASURED, LEAST_AGREEMENT = 256, 0.9


def start(
    model: keras.Model, files: Sequence[str], classes: tuple[str, ...], pictures: ByteArray
) -> tuple[str, ...]:
    """Give `model` the mean of the weights in `files`; return notes on what was done.

    `pictures` are uint8 `(N, side, side)`. Raises `UsageError` or `RefusedFile` where a file does
    not hold this network's weights for these `classes`. Without files `model` is left as it is.
    """
    notes, weights = [], []
    for file in files:
        notes.append(_take(model, Path(file), classes, pictures))
        weights.append(model.get_weights())
    if len(weights) > 1:
        model.set_weights([np.mean(layer, axis=0) for layer in zip(*weights, strict=True)])
    return tuple(notes)


def _take(model: keras.Model, path: Path, classes: tuple[str, ...], pictures: ByteArray) -> str:
    """Give `model` the weights in the file at `path`; return a note."""
    if not is_tflite(OPTION, path):
        try:
            model.set_weights(loaded(OPTION, path, classes).get_weights())
        except ValueError as error:
            raise UsageError(f"{OPTION} {path}: not a {model.name}") from error
        return f"start: {path.name}"
    classifier, pictures = opened(OPTION, path, classes), pictures[:MEASURED]
    _of_tflite(model, path, pictures)
    theirs = [classifier.classify(picture).argmax() for picture in pictures]
    pixels = pictures[..., None].astype(np.float32)
    agreement = float(np.mean(model.predict(pixels, verbose=0).argmax(axis=1) == theirs))
    if agreement < LEAST_AGREEMENT:
        raise RefusedFile(f"{OPTION} {path}: only {agreement:.0%} of answers are those of the file")
    return f"start: {path.name}, whose answers the network gives to {agreement:.1%} of pictures"


def _of_tflite(model: keras.Model, path: Path, pictures: ByteArray) -> None:
    """Give `model` the weights in the `.tflite` at `path`, its normalisation unfolded."""
    require("tensorflow", "convert", f"{OPTION} {path}")
    # Imported late: on another backend, training does without TensorFlow.
    from convert.training.tflite_weights import float_weights  # noqa: PLC0415

    pixels = pictures[..., None].astype(np.float32)
    if not unfold(model, folded(model), float_weights(path), pixels):
        raise UsageError(f"{OPTION} {path}: not a {model.name}")
