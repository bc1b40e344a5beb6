"""Takes back the shift that rounded weights give to each channel's mean.

Rounding errors of weights do not average out: they move a channel's output by a constant, which
its bias can absorb (Nagel et al. 2019, arXiv 1906.04721, section 4.2, on measured means).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from convert.clip import packed
from convert.layers import Run
from edge.records import ByteArray, FloatArray

_OP = schema.BuiltinOperator
_WEIGHTED = {_OP.CONV_2D, _OP.DEPTHWISE_CONV_2D, _OP.FULLY_CONNECTED}
#: Every layer is measured on its own, on so many pictures that this many runs suffice for all.
RUNS = 800


def corrected(quantized: bytes, exact: bytes, pixels: ByteArray) -> bytes:
    """The int8 `.tflite` with biases that give each channel the mean that it has in `exact`.

    `exact` is the float `.tflite` that it was made from, `pixels` uint8 `(N, h, w, c)`.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(quantized, 0))
    graph = model.subgraphs[0]
    layers = [operator for operator in graph.operators if _has_bias(model, operator)]
    some = pixels[:: max(1, len(pixels) * len(layers) // RUNS)]
    wanted = _means(exact, some)
    for operator in layers:
        name = graph.tensors[operator.outputs[0]].name.decode()
        if name in wanted:
            # In order, each with those before it corrected: their shifts are gone by then.
            got = _means(packed(model, len(quantized)), some, name)
            _shift(model, graph.tensors[operator.inputs[2]], wanted[name] - got[name])
    return packed(model, len(quantized))


def _has_bias(model: Any, operator: Any) -> bool:
    code = model.operatorCodes[operator.opcodeIndex]
    weighted = max(code.builtinCode, code.deprecatedBuiltinCode) in _WEIGHTED
    return weighted and len(operator.inputs) == 3 and operator.inputs[2] >= 0


def _means(content: bytes, pixels: ByteArray, only: str = "") -> dict[str, FloatArray]:
    """Each tensor's mean per channel over `pixels`, by name; of `only` one where it is named."""
    run = Run(content)
    sums: dict[str, FloatArray] = {}
    for picture in pixels:
        for name, values in run(picture, only).items():
            mean = values.reshape(-1, values.shape[-1]).mean(axis=0)
            sums[name] = sums.get(name, np.zeros_like(mean)) + mean / len(pixels)
    return sums


def _shift(model: Any, bias: Any, by: FloatArray) -> None:
    """Add `by`, in real numbers, to an int32 bias."""
    scale = np.asarray(bias.quantization.scale, np.float64)
    data = model.buffers[bias.buffer]
    values = np.frombuffer(np.asarray(data.data, np.uint8).tobytes(), np.int32)
    moved = np.clip(np.rint(values + by / scale), -(2**31), 2**31 - 1).astype(np.int32)
    data.data = np.frombuffer(moved.tobytes(), np.uint8)
