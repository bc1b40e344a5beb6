"""Takes back the shift that rounding gives to each channel's mean.

Rounding errors of weights do not average out: they move a channel's output by a constant, which
its bias can absorb (Nagel et al. 2019, arXiv 1906.04721, section 4.2, on measured means).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from convert.quantizing.layers import Run
from convert.quantizing.tflite_file import constant, packed, store, unpacked, weighted
from edge.records import ByteArray, FloatArray

#: Every layer is measured on its own, on so many pictures that this many runs suffice for all.
RUNS = 800
#: A ReLU passes a shift on where it lets values through; channels that rarely do count as these.
LEAST_OPEN = 0.05


def corrected(quantized: bytes, exact: bytes, pixels: ByteArray) -> bytes:
    """The int8 `.tflite` with biases that give each channel the mean that it has in `exact`.

    `exact` is the float `.tflite` that it was made from, `pixels` uint8 `(N, h, w, c)`.
    """
    model = unpacked(quantized)
    graph = model.subgraphs[0]
    layers = {name: layer for name, layer in weighted(model).items() if _has_bias(layer)}
    some = pixels[:: max(1, len(pixels) * len(layers) // RUNS)]
    wanted, opened = (_means(exact, some, of=of) for of in (np.asarray, _open))
    for name, layer in layers.items():
        if name in wanted:
            # In order, each with those before it corrected: their shifts are gone by then.
            got = _means(packed(model, len(quantized)), some, name)
            shift = wanted[name] - got[name]
            if layer.builtinOptions.fusedActivationFunction != schema.ActivationFunctionType.NONE:
                shift = shift / np.maximum(opened[name], LEAST_OPEN)
            _shift(model, graph.tensors[layer.inputs[2]], shift)
    return packed(model, len(quantized))


def _has_bias(layer: Any) -> bool:
    return len(layer.inputs) == 3 and layer.inputs[2] >= 0


def _open(values: FloatArray) -> FloatArray:
    return (values > 0).astype(np.float32)


def _means(
    content: bytes,
    pixels: ByteArray,
    only: str = "",
    of: Callable[[FloatArray], FloatArray] = np.asarray,
) -> dict[str, FloatArray]:
    """Each tensor's mean per channel over `pixels`, by name; of `only` one where it is named."""
    run = Run(content)
    sums: dict[str, FloatArray] = {}
    for picture in pixels:
        for name, values in run(picture, only).items():
            mean = of(values).reshape(-1, values.shape[-1]).mean(axis=0)
            sums[name] = sums.get(name, np.zeros_like(mean)) + mean / len(pixels)
    return sums


def _shift(model: Any, bias: Any, by: FloatArray) -> None:
    """Add `by`, in real numbers, to an int32 bias."""
    values = constant(model, bias)
    assert values is not None
    moved = np.rint(values + by / np.asarray(bias.quantization.scale, np.float64))
    store(model, bias, np.clip(moved, -(2**31), 2**31 - 1))
