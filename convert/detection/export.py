"""The trained network as an int8 `.tflite` that takes raw pixels, at any size 32 divides."""

from __future__ import annotations

from typing import Any

import flatbuffers
import keras
import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from convert.detection.network import PIXEL_SCALE, ZERO_PIXEL, build
from convert.detection.targets import LEVELS
from convert.quantizing.gptq import round_weights
from convert.quantizing.quantize import calibrated
from convert.quantizing.tflite_file import constant, measured_range, packed, unpacked
from edge.records import ByteArray, FloatArray

#: Height and width that the file is made for; the runtime resizes it.
HEIGHT, WIDTH = 192, 320
#: What int8 tells apart: logits of scores, and boxes' answers (see `network.build`).
SCORE_RANGE, BOX_RANGE = (-4.0, 3.0), (-2.5, 2.5)
#: The share of its measured range that a tensor inside the network keeps. With 0.8, and rounding
#: by layers, recall at one false box in 100 pictures was 0.719 (float 0.700, plain int8 0.701).
RANGE_SHARE = 0.8


def exported(weights: list[FloatArray], pictures: ByteArray) -> bytes:
    """Return the network in int8, each layer's weights rounded to keep its answers.

    `pictures` uint8 `(n, HEIGHT, WIDTH, 1)` show how far values go and how they vary together.
    Raises `NoInt8Form` where TensorFlow's converter fails.
    """
    keras.config.set_dtype_policy("float32")
    model = build()
    model.set_weights(weights)
    measured = in_float(model, pictures)
    # The same in float for raw pixels, as the int8 file takes them: to compare layer by layer.
    exact = calibrated(_graph(model, raw=True), pictures[:1], lambda *_: None)
    made: bytes = mlir_quantize(
        narrowed(measured), input_data_type=tf.uint8, output_data_type=tf.int8
    )
    return _named(round_weights(made, exact, pictures))


def in_float(model: keras.Model, pictures: ByteArray) -> bytes:
    """Return the network as a float `.tflite` with the ranges of its tensors for `pictures`."""
    return calibrated(_graph(model, raw=False), _scaled(pictures), lambda *_: None)


def narrowed(measured: bytes) -> bytes:
    """Return the calibrated float `.tflite` with narrower ranges.

    They spend int8's steps where it counts.
    Outputs: a logit of -9 says no more than one of -4, and where there is no face, boxes and
    "frontal" may say anything. Inside: the largest values are few, those of odd pictures.
    """
    model = unpacked(measured)
    graph = model.subgraphs[0]
    for index, tensor in enumerate(graph.tensors):
        found = measured_range(tensor)
        if found is None or index in graph.inputs or constant(model, tensor) is not None:
            continue
        low, high = (value * RANGE_SHARE for value in found)
        if index in graph.outputs:
            least, most = SCORE_RANGE if tensor.shape[-1] == 2 else BOX_RANGE
            low, high = max(least, found[0]), min(most, found[1])
        tensor.quantization.min, tensor.quantization.max = [low], [high]
    return packed(model, len(measured))


def _graph(model: keras.Model, raw: bool) -> Any:
    """Return the network for one picture, batch norms folded, outputs in known order."""

    def whole(pixels: Any) -> Any:
        scaled = (pixels - ZERO_PIXEL) / PIXEL_SCALE if raw else pixels
        return tuple(model(scaled, training=False))

    function = tf.function(whole).get_concrete_function(
        tf.TensorSpec((1, HEIGHT, WIDTH, 1), tf.float32, name="pixels")
    )
    return convert_variables_to_constants_v2(function)


def _scaled(pictures: ByteArray) -> Any:
    """Return the pictures as the network takes them, and one of black and white.

    With both ends of the range in it, int8's step for the input is one pixel's, and raw pixels
    can be given as they are.
    """
    ends = np.zeros((1, *pictures.shape[1:]), np.uint8)
    ends[:, ::2] = 255
    whole = np.concatenate([ends, pictures]).astype(np.float32)
    return (whole - ZERO_PIXEL) / PIXEL_SCALE


def _named(content: bytes) -> bytes:
    """Give tensors short names, the outputs telling ones; write equal vectors once.

    It saves a fifth of the file.
    """
    model = unpacked(content)
    graph = model.subgraphs[0]
    for number, tensor in enumerate(graph.tensors):
        tensor.name = f"t{number}"
    graph.tensors[graph.inputs[0]].name = "pixels"
    wanted = [(kind, level) for level in LEVELS for kind in ("score", "box")]
    for index, (kind, level) in zip(graph.outputs, wanted, strict=True):
        graph.tensors[index].name = f"{kind}{level.stride}"
    model.signatureDefs = None
    builder = _Sharing(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class _Sharing(flatbuffers.Builder):  # type: ignore[misc]
    """Writes equal vectors once: zero points of all channels of all layers are zeros."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._written: dict[bytes, int] = {}

    def CreateNumpyVector(self, x: Any) -> Any:
        """Return where the vector is; write it if it is new."""
        key = x.dtype.str.encode() + x.tobytes()
        if key not in self._written:
            self._written[key] = super().CreateNumpyVector(x)
        return self._written[key]
