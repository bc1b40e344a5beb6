"""Unpack a `.tflite` into objects that can be changed, and pack it again."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from tensorflow.lite.python import schema_py_generated as schema

OP = schema.BuiltinOperator
#: Operators with weights, and the weights' axis of output channels.
WEIGHTED = {OP.CONV_2D: 0, OP.DEPTHWISE_CONV_2D: 3, OP.FULLY_CONNECTED: 0}
_DTYPES: dict[int, npt.DTypeLike] = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT8: np.int8,
}


def unpacked(content: bytes) -> Any:
    """Return the file's objects, named as in the schema."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def packed(model: Any, size: int) -> bytes:
    """Return a model's objects as the bytes of a `.tflite` of about `size`."""
    builder = flatbuffers.Builder(size)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def kind(model: Any, operator: Any) -> int:
    """Return the operator's code in the schema."""
    return builtin_code(model.operatorCodes[operator.opcodeIndex])


def builtin_code(entry: Any) -> int:
    """Return the operator that an entry of the file's operator codes stands for."""
    # Codes above 127 are only in the newer of the two fields.
    return int(max(entry.builtinCode, entry.deprecatedBuiltinCode))


def weighted(model: Any) -> dict[str, Any]:
    """Return the operators with weights by output name, in execution order."""
    graph = model.subgraphs[0]
    return {
        graph.tensors[operator.outputs[0]].name.decode(): operator
        for operator in graph.operators
        if kind(model, operator) in WEIGHTED
    }


def constant(model: Any, tensor: Any) -> npt.NDArray[Any] | None:
    """Return a tensor's constant values in its shape; None if it has none.

    The values are float32, int32 or int8.
    """
    data = model.buffers[tensor.buffer].data
    if data is None or not len(data) or tensor.type not in _DTYPES:
        return None
    raw = np.asarray(data, np.uint8).tobytes()
    return np.asarray(np.frombuffer(raw, _DTYPES[tensor.type]).reshape(tensor.shape))


def store(model: Any, tensor: Any, values: Any) -> None:
    """Replace the values of a constant tensor."""
    raw = np.asarray(values, _DTYPES[tensor.type], order="C").tobytes()
    model.buffers[tensor.buffer].data = np.frombuffer(raw, np.uint8)


def measured_range(tensor: Any) -> tuple[float, float] | None:
    """Return a calibrated tensor's range, extended to include 0, else None."""
    about = tensor.quantization
    if about is None or about.min is None or len(about.min) != 1:
        return None
    return min(float(about.min[0]), 0.0), max(float(about.max[0]), 0.0)
