"""Measure where int8 differs from float, tensor by tensor."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edge.records import ByteArray, FloatArray

#: Number of pictures that the errors are averaged over.
PICTURES = 14


class LayerError(NamedTuple):
    """A layer's `error`: the RMS of int8 minus float, relative to that of float.

    `added` is the increase over the worst of the layers that it follows; `tensor` is the name of
    its output.
    """

    layer: str
    operator: str
    error: float
    added: float
    tensor: str


def layer_errors(exact: bytes, quantized: bytes, pixels: ByteArray) -> list[LayerError]:
    """Return the error of each layer that both files have, in execution order.

    `exact` and `quantized` are `.tflite` files of the same graph, `pixels` uint8 `(N, h, w, c)`.
    """
    runs = [Run(exact), Run(quantized)]
    squares: dict[str, list[float]] = {}
    sizes: dict[str, list[float]] = {}
    for picture in pixels[:PICTURES]:
        floats, int8s = (run(picture) for run in runs)
        for name in int8s.keys() & floats.keys():
            squares.setdefault(name, []).append(float(((int8s[name] - floats[name]) ** 2).mean()))
            sizes.setdefault(name, []).append(float((floats[name] ** 2).mean()))
    error = {name: _relative(squares[name], sizes[name]) for name in squares}
    found = []
    for name, operator, sources in runs[1].order:
        if name in error and operator != "QUANTIZE":
            before = max((error.get(source, 0.0) for source in sources), default=0.0)
            added = error[name] - before
            found.append(LayerError(layer_name(name), operator, error[name], added, name))
    return found


def _relative(squares: list[float], sizes: list[float]) -> float:
    return float(np.sqrt(np.mean(squares) / max(1e-12, float(np.mean(sizes)))))


def worst(errors: list[LayerError]) -> LayerError | None:
    """Return the layer that adds the most error."""
    return max(errors, key=lambda layer: layer.added, default=None)


class Run:
    """An interpreter of one `.tflite` that keeps every tensor."""

    def __init__(self, content: bytes) -> None:
        self._interpreter = Interpreter(
            model_content=content, experimental_preserve_all_tensors=True, num_threads=1
        )
        self._interpreter.allocate_tensors()
        self._tensors: dict[int, Any] = {
            tensor["index"]: tensor for tensor in self._interpreter.get_tensor_details()
        }
        self._input = self._interpreter.get_input_details()[0]
        operators = self._interpreter._get_ops_details()
        #: `(output, operator, inputs)` by tensor name, in execution order.
        self.order = [
            (self._name(out), str(operator["op_name"]), [self._name(i) for i in operator["inputs"]])
            for operator in operators
            if operator["op_name"] != "DELEGATE"
            for out in operator["outputs"]
        ]

    def _name(self, index: int) -> str:
        return str(self._tensors[index]["name"]) if index in self._tensors else ""

    def __call__(self, picture: ByteArray, only: str = "") -> dict[str, FloatArray]:
        """Return each tensor's values for one picture, `(h, w, c)`, by name, dequantized.

        `only` names the one that is needed; "" returns all, with the input.
        """
        self._interpreter.set_tensor(
            self._input["index"], picture[None].astype(self._input["dtype"])
        )
        self._interpreter.invoke()
        names = {only} if only else {self._input["name"], *(name for name, _, _ in self.order)}
        values = {}
        for index, tensor in self._tensors.items():
            if tensor["name"] not in names:
                continue
            try:
                value = self._interpreter.get_tensor(index).astype(np.float32)
            except ValueError:  # an output that nothing uses, as of an unrolled layer, has no data
                continue
            scale, zero = tensor["quantization"]
            values[str(tensor["name"])] = (value - zero) * scale if scale else value
        return values


#: Parts of layers, less informative than the layer's own name.
_INNER = {"batchnorm", "separable_conv2d", "convolution", "depthwise"}


def layer_name(name: str) -> str:
    """Return the layer's own name: `model/conv2d_3/BiasAdd;model/...` is conv2d_3."""
    parts = [part for part in re.split(r"[;:]", name)[0].split("/") if part not in _INNER]
    return parts[-2] if len(parts) > 1 else parts[0]
