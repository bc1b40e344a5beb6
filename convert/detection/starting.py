"""Weights to begin with: those of the face network in a `.tflite`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from convert.detection.export import HEIGHT, WIDTH, in_float
from convert.detection.network import build
from convert.quantizing.tflite_file import constant, unpacked, weighted
from convert.training.tflite_weights import float_weights
from convert.training.unfolding import Folded, folded, unfold
from edge.errors import ModelError, RefusedFile, UsageError
from edge.faces.network import FaceNetwork
from edge.records import FloatArray

OPTION = "--start"
_MARK = 1e-4


def start(path: Path, pixels: Any) -> list[FloatArray]:
    """Return the weights of the network that is in the file at `path`, unfolded.

    `pixels` are float32 `(n, h, w, 1)`, scaled as the network takes them. Raises `UsageError` where
    the file holds another network, `RefusedFile` where it is none or damaged.
    """
    try:
        FaceNetwork(path)
    except ModelError as error:  # a wrong configuration on the Pi, a refused file here
        raise RefusedFile(f"{OPTION} {error}") from error
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        model = build()
        if not unfold(model, _in_file_order(model), float_weights(path), pixels):
            raise UsageError(f"{OPTION} {path}: not a network of fer-train --task faces")
    finally:
        keras.config.set_dtype_policy(policy)
    weights: list[FloatArray] = model.get_weights()
    return weights


def _in_file_order(model: keras.Model) -> Folded:
    """Return the layers of `model` in the order in which TensorFlow's converter writes them.

    It is found by converting a network whose kernels hold nothing but their layer's number.
    """
    marked = build()
    for number, (layer, _) in enumerate(folded(marked)):
        layer.kernel.assign(np.full(layer.kernel.shape, _MARK * (number + 1)))
    file = unpacked(in_float(marked, np.zeros((1, HEIGHT, WIDTH, 1), np.uint8)))
    layers, tensors = folded(model), file.subgraphs[0].tensors
    kernels = [constant(file, tensors[operator.inputs[1]]) for operator in weighted(file).values()]
    marks = [float(np.asarray(kernel).mean()) for kernel in kernels]
    return [layers[round(mark / _MARK) - 1] for mark in marks]
