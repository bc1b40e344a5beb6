"""Weights to begin with: those of a trained network, from a `.keras` or back from a `.tflite`.

In a `.tflite` batch normalisation is folded into the convolutions. Here it is taken out again: each
convolution gets kernels of the size that training starts with, and the normalisation the averages
that it would have measured on `pictures`, with a scale and an offset that undo both. The network
answers as before, and learns as if it had never been folded.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np

from convert.extras import require
from convert.training.trained_files import is_tflite, loaded, opened
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
    """Set kernels and offsets to those of the file, normalisation to the rest."""
    folded = [
        (layer, after)
        for layer, after in pairwise([*_weighted(model), None])
        if not isinstance(layer, keras.layers.BatchNormalization)
    ]
    require("tensorflow", "convert", f"{OPTION} {path}")
    # Imported late: on another backend, training does without TensorFlow.
    from convert.training.tflite_weights import float_weights  # noqa: PLC0415

    found = float_weights(path)
    if [kernel.shape for kernel, _ in found] != [tuple(layer.kernel.shape) for layer, _ in folded]:
        raise UsageError(f"{OPTION} {path}: not a {model.name}")
    scales = []
    for (kernel, bias), (layer, normalised) in zip(found, folded, strict=True):
        if not isinstance(normalised, keras.layers.BatchNormalization):
            layer.set_weights([kernel, bias])
            continue
        area = np.prod(kernel.shape[:2])
        usual = np.sqrt(2 / (area * (kernel.shape[2] + kernel.shape[3])))
        scale = np.maximum(np.sqrt(np.mean(kernel**2, axis=(0, 1, 2))) / usual, 1e-6)
        layer.set_weights([kernel / scale])
        one = 1 - normalised.epsilon
        normalised.set_weights([scale, bias, np.zeros_like(bias), np.full_like(bias, one)])
        scales.append((layer, normalised, scale, bias))
    inner = keras.Model(model.inputs, [layer.output for layer, *_ in scales])
    outputs = inner.predict_on_batch(pictures[..., None].astype(np.float32))
    for (_, normalised, scale, bias), values in zip(scales, outputs, strict=True):
        mean, variance = values.mean(axis=(0, 1, 2)), values.var(axis=(0, 1, 2))
        wide = scale * np.sqrt(variance + normalised.epsilon)
        normalised.set_weights([wide, bias + scale * mean, mean, variance])


def _weighted(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers with weights, in the order in which they compute."""
    return [layer for layer in model.layers if layer.weights]
