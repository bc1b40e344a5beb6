"""The weights in a `.tflite`, back in float."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from convert.quantizing.tflite_file import constant, unpacked, weighted
from edge.errors import RefusedFile
from edge.records import FloatArray


def float_weights(path: Path) -> list[tuple[FloatArray, FloatArray]]:
    """Return each layer's kernel and bias, dequantized.

    A kernel is `(h, w, in, out)` or `(in, out)`.
    """
    model = unpacked(path.read_bytes())
    tensors, found = model.subgraphs[0].tensors, []
    for operator in weighted(model).values():
        kernel, bias = (_dequantized(path, model, tensors[index]) for index in operator.inputs[1:3])
        found.append((np.moveaxis(kernel, 0, -1), bias))
    return found


def _dequantized(path: Path, model: object, tensor: object) -> FloatArray:
    """Return an int8 or int32 tensor's values times its scales (by output channel)."""
    values = constant(model, tensor)
    about = tensor.quantization  # type: ignore[attr-defined]
    if values is None or about is None or about.scale is None:
        raise RefusedFile(f"{path}: not all of its weights are int8")
    across = [1] * values.ndim
    across[about.quantizedDimension] = len(about.scale)
    scale = np.asarray(about.scale, np.float32).reshape(across)
    result: FloatArray = (values * scale).astype(np.float32)
    return result
