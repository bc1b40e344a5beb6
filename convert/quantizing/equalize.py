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

from convert.quantizing.tflite_file import OP, WEIGHTED, constant, kind, packed, store, unpacked
from edge.records import FloatArray

#: Operators whose output grows in proportion with their input, channel by channel.
_PASSING = {OP.MAX_POOL_2D, OP.AVERAGE_POOL_2D, OP.RELU, OP.LEAKY_RELU}
_STRAIGHT = {schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU}


def equalized(content: bytes) -> bytes:
    """The float `.tflite` with each channel's factor moved into the weights that it follows.

    The network answers the same, to float's precision.
    """
    model = unpacked(content)
    graph = _Graph(model)
    multiplications = [
        operator for operator in model.subgraphs[0].operators if kind(model, operator) == OP.MUL
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
            code = kind(self._model, maker)
            if code in WEIGHTED:
                straight = maker.builtinOptions.fusedActivationFunction in _STRAIGHT
                return maker if straight else None
            if code not in _PASSING:
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
        axis = WEIGHTED[kind(self._model, operator)]
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
        values = constant(self._model, self._tensors[tensor])
        return values if values is not None and values.dtype == np.float32 else None

    def _store(self, tensor: int, values: Any) -> None:
        store(self._model, self._tensors[tensor], values)
