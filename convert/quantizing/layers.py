"""Where int8 departs from float: the same picture through both files, tensor by tensor."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edge.records import ByteArray, FloatArray

#: Pictures that the errors are averaged over.
PICTURES = 14


class LayerError(NamedTuple):
    """`error` is the root mean square of int8 minus float, as a share of float's own.

    `added` is how much more that is than in the worst of the layers that it follows.
    """

    layer: str
    operator: str
    error: float
    added: float


def layer_errors(exact: bytes, quantized: bytes, pixels: ByteArray) -> list[LayerError]:
    """For each layer that both files have, in the order of their running.

    `exact` and `quantized` are `.tflite` files of the same graph, `pixels` uint8 `(N, h, w, c)`.
    """
    runs = [Run(exact), Run(quantized)]
    squares: dict[str, list[float]] = {}
    sizes: dict[str, list[float]] = {}
    for picture in pixels[:PICTURES]:
        plain, rough = (run(picture) for run in runs)
        for name in rough.keys() & plain.keys():
            squares.setdefault(name, []).append(float(((rough[name] - plain[name]) ** 2).mean()))
            sizes.setdefault(name, []).append(float((plain[name] ** 2).mean()))
    error = {name: _relative(squares[name], sizes[name]) for name in squares}
    found = []
    for name, operator, sources in runs[1].order:
        if name in error and operator != "QUANTIZE":
            before = max((error.get(source, 0.0) for source in sources), default=0.0)
            found.append(LayerError(_readable(name), operator, error[name], error[name] - before))
    return found


def _relative(squares: list[float], sizes: list[float]) -> float:
    return float(np.sqrt(np.mean(squares) / max(1e-12, float(np.mean(sizes)))))


def worst(errors: list[LayerError]) -> LayerError | None:
    """The layer that adds most."""
    return max(errors, key=lambda layer: layer.added, default=None)


class Run:
    """One `.tflite` with every tensor kept."""

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
        #: `(output, operator, inputs)` by the tensors' names, in the order of running.
        self.order = [
            (self._name(out), str(operator["op_name"]), [self._name(i) for i in operator["inputs"]])
            for operator in operators
            if operator["op_name"] != "DELEGATE"
            for out in operator["outputs"]
        ]

    def _name(self, index: int) -> str:
        return str(self._tensors[index]["name"]) if index in self._tensors else ""

    def __call__(self, picture: ByteArray, only: str = "") -> dict[str, FloatArray]:
        """Each tensor's values for one picture, `(h, w, c)`, by name, as real numbers.

        `only` names the one that is wanted; "" wants all, with the input.
        """
        self._interpreter.set_tensor(
            self._input["index"], picture[None].astype(self._input["dtype"])
        )
        self._interpreter.invoke()
        wanted = {only} if only else {self._input["name"], *(name for name, _, _ in self.order)}
        values = {}
        for index, tensor in self._tensors.items():
            if tensor["name"] in wanted:
                scale, zero = tensor["quantization"]
                value = self._interpreter.get_tensor(index).astype(np.float32)
                values[str(tensor["name"])] = (value - zero) * scale if scale else value
        return values


#: Parts of layers, which say less than the layer's own name.
_INNER = {"batchnorm", "separable_conv2d", "convolution", "depthwise"}


def _readable(name: str) -> str:
    """The layer's own name in a tensor's: `model/conv2d_3/BiasAdd;model/...` is conv2d_3."""
    parts = [part for part in re.split(r"[;:]", name)[0].split("/") if part not in _INNER]
    return parts[-2] if len(parts) > 1 else parts[0]
