"""Convert a float model to a full int8 `.tflite`.

It takes raw uint8 pixels and outputs probabilities as uint8 / 256.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.python.convert import ConverterError, mlir_quantize
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from convert.loading.float_model import FloatModel, Head, normalise
from convert.normalisation import Normalisation
from convert.quantizing import too_steep
from convert.quantizing.equalization import equalized
from convert.quantizing.selu import without_selu
from convert.quantizing.tflite_file import OP, builtin_code, kind, packed, unpacked
from convert.request import Progress
from edge.errors import RefusedFile, first_line
from edge.records import ByteArray, FloatArray

#: The last release of tflite-runtime, which 32-bit Pis depend on.
OLDEST_RUNTIME = (2, 14)
#: Operators whose int8 versions are newer, and what they come from.
NEWER = {("LOG", 2): "softplus"}


class NoInt8Form(RefusedFile):
    """A layer cannot be converted; the message does not name the file."""


def frozen(model: FloatModel, normalisation: Normalisation) -> Any:
    """Return the graph from raw pixels to probabilities, with constant weights.

    It takes one picture at a time.
    """

    def whole(pixels: Any) -> Any:
        answer = model.as_probabilities(model.call(normalise(pixels, normalisation)))
        if model.head is Head.SIGMOID:
            # A softmax has the scale 1/256 by definition; anything else needs it stated.
            answer = tf.quantization.fake_quant_with_min_max_args(answer, 0, 255 / 256, 8)
        return answer

    function = tf.function(whole).get_concrete_function(
        tf.TensorSpec(model.input_shape, tf.float32, name="pixels")
    )
    return without_selu(convert_variables_to_constants_v2(function))


def calibrated(
    graph: Any, pixels: ByteArray, progress: Progress, *, equalize: bool = True
) -> bytes:
    """Return `graph` as a float `.tflite` annotated with tensor ranges.

    `pixels` are uint8 `(N, h, w, c)`; `equalize` first equalizes the channels. Raises `NoInt8Form`
    where a layer has no TFLite form.
    """

    def representative() -> Iterator[list[Any]]:
        for done, picture in enumerate(pixels):
            yield [picture[None].astype("float32")]
            progress("calibrating", done + 1, len(pixels))

    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    # The converter has no public hooks between making the float file, measuring its ranges and
    # quantizing.
    converter._experimental_calibrate_only = True
    if equalize:
        measure_ranges = converter._quantize
        converter._quantize = lambda content, *rest: measure_ranges(equalized(content), *rest)
    try:
        content: bytes = converter.convert()
    except (ValueError, RuntimeError, ConverterError) as error:
        raise NoInt8Form(f"a layer has no TFLite form ({first_line(error):.200})") from error
    return content


def int8(content: bytes, in_float: Collection[str] = ()) -> bytes:
    """Return a calibrated float `.tflite` in int8, per channel; uint8 in and out.

    `in_float` are the operators to keep in float, by their outputs' names. Raises `NoInt8Form`
    where a layer has no int8 form that tflite-runtime 2.14 supports, or that a runtime opens.
    """
    if in_float:
        content = _with_output_range(content)
    try:
        made: bytes = mlir_quantize(
            content,
            input_data_type=tf.uint8,
            output_data_type=tf.uint8,
            denylisted_nodes=set(in_float) or None,
        )
    except (ValueError, RuntimeError, ConverterError) as error:
        raise NoInt8Form(f"a layer has no int8 form ({first_line(error):.200})") from error
    if (needed := minimum_runtime(made)) > OLDEST_RUNTIME:
        found = operators(made).items()
        newer = [f"{used[0]} {used[1]} (from {NEWER[used]})" for used in found if used in NEWER]
        versions = newer or [f"{name} {version}" for name, version in found]
        raise NoInt8Form(
            f"its int8 form needs TFLite {'.'.join(map(str, needed))}, but the last tflite-runtime"
            f" is {'.'.join(map(str, OLDEST_RUNTIME))}; operators and versions:"
            f" {', '.join(versions)}"
        )
    if not too_steep.opens(made):
        raise NoInt8Form(_unopened(made))
    return made


def _unopened(content: bytes) -> str:
    layer, ratio = too_steep.steepest(content)
    if ratio < too_steep.MAX_RATIO:
        return "no runtime opens its int8 form"
    return (
        f"layer {layer}: its weights are too large for what it passes on, so that no runtime opens"
        f" its int8 form (one step of its sums is {ratio:,.0f} of its output's, the limit is"
        f" {too_steep.MAX_RATIO:.0f})"
    )


def _with_output_range(content: bytes) -> bytes:
    """Return the file with 0 to 255/256 as the range of its output.

    A softmax in int8 has that by definition, one in float the range measured.
    """
    model = unpacked(content)
    graph = model.subgraphs[0]
    about = graph.tensors[graph.outputs[0]].quantization
    about.min, about.max = [0.0], [255 / 256]
    return packed(model, len(content))


def run(content: bytes, pixels: ByteArray) -> FloatArray:
    """Return the answers of an int8 `.tflite`, float32 `(N, classes)`.

    `pixels` are uint8 `(N, h, w, c)`.
    """
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    rows = []
    for picture in pixels:
        interpreter.set_tensor(source["index"], picture[None])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(target["index"])[0].astype(np.float32))
    scale, zero = target["quantization"]
    return np.asarray((np.stack(rows) - zero) * scale, np.float32)


def operators(content: bytes) -> dict[str, int]:
    """Return a `.tflite`'s operators by name, with the versions required."""
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()}
    entries = unpacked(content).operatorCodes
    return {names[builtin_code(entry)]: int(entry.version) for entry in entries}


def float_operators(content: bytes) -> dict[str, int]:
    """Return how many operators of a `.tflite` compute in float, and of how many.

    Empty if none does. Operators that only convert between int8 and float do not count.
    """
    model = unpacked(content)
    graph = model.subgraphs[0]
    converting = {OP.QUANTIZE, OP.DEQUANTIZE}
    found = [each for each in graph.operators if kind(model, each) not in converting]
    floats = [
        each for each in found if graph.tensors[each.outputs[0]].type == schema.TensorType.FLOAT32
    ]
    return {"in_float": len(floats), "operators": len(found)} if floats else {}


def minimum_runtime(content: bytes) -> tuple[int, ...]:
    """Return the oldest TFLite version that supports all operators.

    The converter records it in the file; (0, 0) without a record.
    """
    model = schema.Model.GetRootAsModel(content, 0)
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == b"min_runtime_version":
            text = model.Buffers(entry.Buffer()).DataAsNumpy().tobytes().rstrip(b"\0").decode()
            return tuple(int(part) for part in text.split(".")[:2] if part)
    return (0, 0)
