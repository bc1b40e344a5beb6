"""A `.tflite` as objects that can be changed, and back as bytes."""

from __future__ import annotations

from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt
from tensorflow.lite.python import schema_py_generated as schema

OP = schema.BuiltinOperator
#: Operators with weights, and the axis of the weights that counts the output's channels.
WEIGHTED = {OP.CONV_2D: 0, OP.DEPTHWISE_CONV_2D: 3, OP.FULLY_CONNECTED: 0}
_DTYPES: dict[int, npt.DTypeLike] = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT8: np.int8,
}


def unpacked(content: bytes) -> Any:
    """The file's objects, as the schema names them."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def packed(model: Any, size: int) -> bytes:
    """A model's objects as the bytes of a `.tflite` of about `size`."""
    builder = flatbuffers.Builder(size)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def kind(model: Any, operator: Any) -> int:
    """The operator's code in the schema."""
    code = model.operatorCodes[operator.opcodeIndex]
    # A code above 127 is only in the newer of the two fields.
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def weighted(model: Any) -> dict[str, Any]:
    """The operators with weights, in the order of running, by the name of their output."""
    graph = model.subgraphs[0]
    return {
        graph.tensors[operator.outputs[0]].name.decode(): operator
        for operator in graph.operators
        if kind(model, operator) in WEIGHTED
    }


def constant(model: Any, tensor: Any) -> npt.NDArray[Any] | None:
    """A tensor's own values in its shape: float32, int32 or int8; None where it has none."""
    data = model.buffers[tensor.buffer].data
    if data is None or not len(data) or tensor.type not in _DTYPES:
        return None
    raw = np.asarray(data, np.uint8).tobytes()
    return np.asarray(np.frombuffer(raw, _DTYPES[tensor.type]).reshape(tensor.shape))


def store(model: Any, tensor: Any, values: Any) -> None:
    """Give a constant tensor other values."""
    raw = np.asarray(values, _DTYPES[tensor.type], order="C").tobytes()
    model.buffers[tensor.buffer].data = np.frombuffer(raw, np.uint8)


def measured_range(tensor: Any) -> tuple[float, float] | None:
    """The range that a calibrated tensor has, with 0 in it; None where none was measured."""
    about = tensor.quantization
    if about is None or about.min is None or len(about.min) != 1:
        return None
    return min(float(about.min[0]), 0.0), max(float(about.max[0]), 0.0)
