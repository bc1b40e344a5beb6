"""A float model → a full int8 `.tflite` that takes raw uint8 pixels and answers uint8 / 256."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from convert.float_model import FloatModel, normalise
from convert.normalisation import Normalisation
from convert.request import Progress
from edge.errors import RefusedFile, first_line
from edge.records import ByteArray

#: The last tflite-runtime there is: what 32-bit Pis have.
OLDEST_RUNTIME = (2, 14)


def frozen(model: FloatModel, normalisation: Normalisation) -> Any:
    """The whole graph, raw pixels to probabilities, its weights constants, for one picture."""

    def whole(pixels: Any) -> Any:
        return model.as_probabilities(model.call(normalise(pixels, normalisation)))

    function = tf.function(whole).get_concrete_function(
        tf.TensorSpec(model.input_shape, tf.float32, name="pixels")
    )
    return convert_variables_to_constants_v2(function)


def int8(graph: Any, pixels: ByteArray, progress: Progress) -> bytes:
    """`graph` in int8, per channel, its ranges taken from `pixels`, uint8 `(N, h, w, c)`.

    Raises `RefusedFile` where a layer has no int8 form that tflite-runtime 2.14 knows.
    """

    def representative() -> Iterator[list[Any]]:
        for done, picture in enumerate(pixels):
            yield [picture[None].astype("float32")]
            progress("calibrating", done + 1, len(pixels))
        progress("quantizing", 0, 1)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    try:
        content: bytes = converter.convert()
    except (ValueError, RuntimeError, tf.lite.ConverterError) as error:
        raise RefusedFile(f"a layer has no int8 form ({first_line(error):.200})") from error
    progress("quantizing", 1, 1)
    return content


def float32(graph: Any) -> bytes:
    """`graph` as a `.tflite` in float32, to compare layer by layer."""
    content: bytes = tf.lite.TFLiteConverter.from_concrete_functions([graph]).convert()
    return content


def operators(content: bytes) -> dict[str, int]:
    """The operators of a `.tflite`, by name, each with the version that it asks of the runtime."""
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()}
    model = schema.Model.GetRootAsModel(content, 0)
    codes = [model.OperatorCodes(index) for index in range(model.OperatorCodesLength())]
    # A code above 127 is only in the newer of the two fields.
    return {names[max(c.BuiltinCode(), c.DeprecatedBuiltinCode())]: c.Version() for c in codes}
