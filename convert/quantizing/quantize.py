"""A float model → a full int8 `.tflite` that takes raw uint8 pixels and answers uint8 / 256."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from convert.float_model import FloatModel, Head, normalise
from convert.normalisation import Normalisation
from convert.quantizing.equalize import equalized
from convert.request import Progress
from edge.errors import RefusedFile, first_line
from edge.records import ByteArray, FloatArray

#: The last tflite-runtime there is: what 32-bit Pis have.
OLDEST_RUNTIME = (2, 14)


def frozen(model: FloatModel, normalisation: Normalisation) -> Any:
    """The whole graph, raw pixels to probabilities, its weights constants, for one picture."""

    def whole(pixels: Any) -> Any:
        answer = model.as_probabilities(model.call(normalise(pixels, normalisation)))
        if model.head is Head.SIGMOID:
            # A softmax has the scale 1/256 by definition, anything else must be told.
            answer = tf.quantization.fake_quant_with_min_max_args(answer, 0, 255 / 256, 8)
        return answer

    function = tf.function(whole).get_concrete_function(
        tf.TensorSpec(model.input_shape, tf.float32, name="pixels")
    )
    return convert_variables_to_constants_v2(function)


def calibrated(graph: Any, pixels: ByteArray, progress: Progress) -> bytes:
    """`graph` as a float `.tflite` that notes the range of each tensor over `pixels`.

    `pixels` are uint8 `(N, h, w, c)`. Raises `RefusedFile` where a layer has no TFLite form.
    """

    def representative() -> Iterator[list[Any]]:
        for done, picture in enumerate(pixels):
            yield [picture[None].astype("float32")]
            progress("calibrating", done + 1, len(pixels))

    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    # The converter has no door between making the float file and measuring its ranges, and none
    # between measuring and rounding.
    converter._experimental_calibrate_only = True
    measure = converter._quantize
    converter._quantize = lambda content, *rest: measure(equalized(content), *rest)
    try:
        content: bytes = converter.convert()
    except (ValueError, RuntimeError, tf.lite.ConverterError) as error:
        raise RefusedFile(f"a layer has no TFLite form ({first_line(error):.200})") from error
    return content


def int8(content: bytes) -> bytes:
    """A calibrated float `.tflite` in int8, per channel; uint8 in and out.

    Raises `RefusedFile` where a layer has no int8 form that tflite-runtime 2.14 knows.
    """
    try:
        made: bytes = mlir_quantize(content, input_data_type=tf.uint8, output_data_type=tf.uint8)
    except (ValueError, RuntimeError, tf.lite.ConverterError) as error:
        raise RefusedFile(f"a layer has no int8 form ({first_line(error):.200})") from error
    if (needed := minimum_runtime(made)) > OLDEST_RUNTIME:
        versions = ", ".join(f"{name} {version}" for name, version in operators(made).items())
        raise RefusedFile(
            f"its int8 form needs TFLite {'.'.join(map(str, needed))}, tflite-runtime ends at"
            f" {'.'.join(map(str, OLDEST_RUNTIME))} (operators and versions: {versions})"
        )
    return made


def run(content: bytes, pixels: ByteArray) -> FloatArray:
    """What an int8 `.tflite` answers to `pixels`, uint8 `(N, h, w, c)`: float32 `(N, classes)`."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    rows = []
    for picture in pixels:
        interpreter.set_tensor(taken["index"], picture[None])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(given["index"])[0].astype(np.float32))
    scale, zero = given["quantization"]
    return np.asarray((np.stack(rows) - zero) * scale, np.float32)


def operators(content: bytes) -> dict[str, int]:
    """The operators of a `.tflite`, by name, each with the version that it asks of the runtime."""
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()}
    model = schema.Model.GetRootAsModel(content, 0)
    codes = [model.OperatorCodes(index) for index in range(model.OperatorCodesLength())]
    # A code above 127 is only in the newer of the two fields.
    return {names[max(c.BuiltinCode(), c.DeprecatedBuiltinCode())]: c.Version() for c in codes}


def minimum_runtime(content: bytes) -> tuple[int, ...]:
    """The oldest TFLite that knows all operators in their versions, as the converter noted it."""
    model = schema.Model.GetRootAsModel(content, 0)
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == b"min_runtime_version":
            text = model.Buffers(entry.Buffer()).DataAsNumpy().tobytes().rstrip(b"\0").decode()
            return tuple(int(part) for part in text.split(".")[:2] if part)
    return (0, 0)
