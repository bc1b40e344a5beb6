"""Gives a layer's channels the same reach before int8 measures them with one common ruler.

int8 has one scale for all channels of a layer's output. Where a BatchNormalization follows a ReLU,
its factors (one a channel) stay behind as a multiplication, the channels before it differ a
hundredfold in size, and the small ones drown. A ReLU passes positive factors on, so they belong
into the weights of the layer before it: there int8 has a scale for each channel. The idea is that
of cross-layer equalization (Nagel et al. 2019, arXiv 1906.04721).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from convert.clip import packed
from edge.records import FloatArray

_OP = schema.BuiltinOperator
#: Operators whose output grows in proportion with their input, channel by channel.
_PASSING = {_OP.MAX_POOL_2D, _OP.AVERAGE_POOL_2D, _OP.RELU, _OP.LEAKY_RELU}
#: Operators with weights, and the axis of the weights that counts the output's channels.
_WEIGHTED = {_OP.CONV_2D: 0, _OP.DEPTHWISE_CONV_2D: 3, _OP.FULLY_CONNECTED: 0}
_STRAIGHT = {schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU}


def equalized(content: bytes) -> bytes:
    """The float `.tflite` with each channel's factor moved into the weights that it follows.

    The network answers the same, to float's precision.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    graph = _Graph(model)
    multiplications = [
        operator for operator in model.subgraphs[0].operators if graph.kind(operator) == _OP.MUL
    ]
    moved = [graph.move_factor(operator) for operator in multiplications]
    return packed(model, len(content)) if any(moved) else content


class _Graph:
    """The first subgraph of a model, with who makes and how many use each tensor."""

    def __init__(self, model: Any) -> None:
        self._model, self._tensors = model, model.subgraphs[0].tensors
        operators = model.subgraphs[0].operators
        self._maker = {out: operator for operator in operators for out in operator.outputs}
        self._uses = Counter(source for operator in operators for source in operator.inputs)
        self._buffers = Counter(tensor.buffer for tensor in self._tensors)

    def kind(self, operator: Any) -> int:
        """The operator's code in the schema."""
        code = self._model.operatorCodes[operator.opcodeIndex]
        return int(max(code.builtinCode, code.deprecatedBuiltinCode))

    def move_factor(self, multiplication: Any) -> bool:
        """Move a constant factor per channel back to the weights; False where that cannot be."""
        source, factor = multiplication.inputs
        values = self._values(factor)
        weighted = self._weighted_before(source)
        if values is None or weighted is None or not self._owned(factor):
            return False
        channels = self._tensors[weighted.outputs[0]].shape[-1]
        if values.size != channels or not (values != 0).all():
            return False
        if not self._scale(weighted, np.abs(values).ravel()):
            return False
        self._store(factor, np.sign(values))
        return True

    def _weighted_before(self, tensor: int) -> Any:
        """The layer with weights that `tensor` comes from, by way of passing operators alone."""
        while self._uses[tensor] == 1 and (maker := self._maker.get(tensor)) is not None:
            kind = self.kind(maker)
            if kind in _WEIGHTED:
                straight = maker.builtinOptions.fusedActivationFunction in _STRAIGHT
                return maker if straight else None
            if kind not in _PASSING:
                return None
            tensor = maker.inputs[0]
        return None

    def _scale(self, operator: Any, factors: FloatArray) -> bool:
        """Multiply the weights and the bias of `operator`, channel by channel."""
        weights, *bias = [tensor for tensor in operator.inputs[1:] if tensor >= 0]
        if not all(self._owned(tensor) for tensor in (weights, *bias)):
            return False
        values = self._values(weights)
        biases = [value for tensor in bias if (value := self._values(tensor)) is not None]
        if values is None or len(biases) != len(bias):
            return False
        axis = _WEIGHTED[self.kind(operator)]
        shape = [-1 if index == axis else 1 for index in range(values.ndim)]
        self._store(weights, values * factors.reshape(shape))
        for tensor, value in zip(bias, biases, strict=True):
            self._store(tensor, value * factors)
        return True

    def _owned(self, tensor: int) -> bool:
        """Whether nobody else uses the tensor or the buffer behind it."""
        return self._uses[tensor] == 1 and self._buffers[self._tensors[tensor].buffer] == 1

    def _values(self, tensor: int) -> FloatArray | None:
        """A constant's float32 values in its shape; None of what is no such constant."""
        about = self._tensors[tensor]
        data = self._model.buffers[about.buffer].data
        if data is None or about.type != schema.TensorType.FLOAT32:
            return None
        return np.frombuffer(np.asarray(data, np.uint8).tobytes(), np.float32).reshape(about.shape)

    def _store(self, tensor: int, values: Any) -> None:
        about = self._tensors[tensor]
        raw = np.ascontiguousarray(values, np.float32).tobytes()
        self._model.buffers[about.buffer].data = np.frombuffer(raw, np.uint8)
