"""Equalize the ranges of a layer's channels, which share one int8 scale.

int8 has one scale for all channels of a layer's output. Where a BatchNormalization follows a ReLU,
its factors (one per channel) remain as a multiplication, the channels before it differ a
hundredfold in size, and small ones are lost. A ReLU passes positive factors through, so they can
move into the weights of the layer before it: there int8 has a scale for each channel. The idea is
that of cross-layer equalization (Nagel et al. 2019, arXiv 1906.04721).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from convert.quantizing.tflite_file import OP, WEIGHTED, constant, kind, packed, store, unpacked
from edge.records import FloatArray

#: Operators whose output is proportional to their input, channel by channel.
_PROPORTIONAL = {OP.MAX_POOL_2D, OP.AVERAGE_POOL_2D, OP.RELU, OP.LEAKY_RELU}
_PROPORTIONAL_ACTIVATIONS = {schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU}


def equalized(content: bytes) -> bytes:
    """Return the float `.tflite` with channel factors moved into weights.

    Its outputs stay the same, to float precision.
    """
    model = unpacked(content)
    graph = _Graph(model)
    multiplications = [
        operator for operator in model.subgraphs[0].operators if kind(model, operator) == OP.MUL
    ]
    moved = [graph.move_factor(operator) for operator in multiplications]
    return packed(model, len(content)) if any(moved) else content


class _Graph:
    """The first subgraph of a model, with each tensor's producer and uses."""

    def __init__(self, model: Any) -> None:
        self._model, self._tensors = model, model.subgraphs[0].tensors
        operators = model.subgraphs[0].operators
        self._producer = {out: operator for operator in operators for out in operator.outputs}
        self._uses = Counter(source for operator in operators for source in operator.inputs)
        self._buffers = Counter(tensor.buffer for tensor in self._tensors)

    def move_factor(self, multiplication: Any) -> bool:
        """Move a factor per channel into the weights; return False if impossible."""
        source, factor = multiplication.inputs
        values = self._values(factor)
        weighted = self._weighted_before(source)
        if values is None or weighted is None or not self._unshared(factor):
            return False
        channels = self._tensors[weighted.outputs[0]].shape[-1]
        if values.size != channels or not (values != 0).all():
            return False
        if not self._scale(weighted, np.abs(values).ravel()):
            return False
        self._store(factor, np.sign(values))
        return True

    def _weighted_before(self, tensor: int) -> Any:
        """Return the layer with weights before proportional operators, or None."""
        while self._uses[tensor] == 1 and (producer := self._producer.get(tensor)) is not None:
            code = kind(self._model, producer)
            if code in WEIGHTED:
                activation = producer.builtinOptions.fusedActivationFunction
                return producer if activation in _PROPORTIONAL_ACTIVATIONS else None
            if code not in _PROPORTIONAL:
                return None
            tensor = producer.inputs[0]
        return None

    def _scale(self, operator: Any, factors: FloatArray) -> bool:
        """Multiply weights and bias by a factor per channel; return False if shared."""
        weights, *bias = [tensor for tensor in operator.inputs[1:] if tensor >= 0]
        if not all(self._unshared(tensor) for tensor in (weights, *bias)):
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

    def _unshared(self, tensor: int) -> bool:
        """Return whether nothing else uses the tensor or its buffer."""
        return self._uses[tensor] == 1 and self._buffers[self._tensors[tensor].buffer] == 1

    def _values(self, tensor: int) -> FloatArray | None:
        """Return a constant's float32 values in its shape; None for anything else."""
        values = constant(self._model, self._tensors[tensor])
        return values if values is not None and values.dtype == np.float32 else None

    def _store(self, tensor: int, values: Any) -> None:
        store(self._model, self._tensors[tensor], values)
