"""Correct the shift that rounding causes in each channel's mean.

Rounding errors of weights do not average out: they shift a channel's output by a constant, which
its bias can absorb (Nagel et al. 2019, arXiv 1906.04721, section 4.2, on measured means).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from convert.quantizing.layer_errors import Run
from convert.quantizing.tflite_file import constant, packed, store, unpacked, weighted
from edge.records import ByteArray, FloatArray

#: Number of inferences for all layers together; each layer is measured separately.
RUNS = 800
#: A ReLU passes a shift on only where it is active; this is the smallest active share assumed.
MIN_ACTIVE = 0.05


def correct_biases(quantized: bytes, exact: bytes, pixels: ByteArray) -> bytes:
    """Return the int8 `.tflite` with biases that restore the means of `exact`.

    `exact` is the float `.tflite` that it was made from, `pixels` uint8 `(N, h, w, c)`.
    """
    model = unpacked(quantized)
    graph = model.subgraphs[0]
    layers = {name: layer for name, layer in weighted(model).items() if _has_bias(graph, layer)}
    some = pixels[:: max(1, len(pixels) * len(layers) // RUNS)]
    target, active = (_means(exact, some, of=of) for of in (np.asarray, _active))
    for name, layer in layers.items():
        if name in target:
            # In order, so that the shifts of earlier layers are already corrected.
            actual = _means(packed(model, len(quantized)), some, name)
            shift = target[name] - actual[name]
            if layer.builtinOptions.fusedActivationFunction != schema.ActivationFunctionType.NONE:
                shift = shift / np.maximum(active[name], MIN_ACTIVE)
            _shift(model, graph.tensors[layer.inputs[2]], shift)
    return packed(model, len(quantized))


def _has_bias(graph: Any, layer: Any) -> bool:
    """Return whether the layer has an int32 bias; a float one needs no correction."""
    if len(layer.inputs) < 3 or layer.inputs[2] < 0:
        return False
    return bool(graph.tensors[layer.inputs[2]].type == schema.TensorType.INT32)


def _active(values: FloatArray) -> FloatArray:
    return (values > 0).astype(np.float32)


def _means(
    content: bytes,
    pixels: ByteArray,
    only: str = "",
    of: Callable[[FloatArray], FloatArray] = np.asarray,
) -> dict[str, FloatArray]:
    """Return each tensor's mean per channel, by name; `only` selects one."""
    run = Run(content)
    sums: dict[str, FloatArray] = {}
    for picture in pixels:
        for name, values in run(picture, only).items():
            mean = of(values).reshape(-1, values.shape[-1]).mean(axis=0)
            sums[name] = sums.get(name, np.zeros_like(mean)) + mean / len(pixels)
    return sums


def _shift(model: Any, bias: Any, by: FloatArray) -> None:
    """Add `by`, a real number per channel, to an int32 bias."""
    values = constant(model, bias)
    assert values is not None
    moved = np.rint(values + by / np.asarray(bias.quantization.scale, np.float64))
    store(model, bias, np.clip(moved, -(2**31), 2**31 - 1))
