"""What makes int8 agree with float: weights rounded together, equal steps, biases set right."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow

from convert import normalisation
from convert.faces.synthetic import faces
from convert.loading.float_model import prepared
from convert.loading.load import load
from convert.loading.model_files import find
from convert.quantizing import quantize
from convert.quantizing.bias_correction import correct_biases
from convert.quantizing.gptq import compensated, round_weights
from convert.quantizing.layer_errors import Run
from convert.quantizing.quantize import NoInt8Form
from convert.quantizing.ranges import aligned
from convert.quantizing.tflite_file import OP, constant, kind, packed, store, unpacked, weighted
from edge.records import ByteArray, FloatArray
from tests.support.converting import quiet


def test_weights_rounded_together_keep_what_they_sum_to() -> None:
    rng = np.random.default_rng(1)
    # Inputs that rise together, as neighbouring pixels do; the last one never varies.
    inputs = rng.normal(size=(4000, 1)) + 0.1 * rng.normal(size=(4000, 18))
    inputs[:, -1] = 0
    covariance = np.cov(inputs.T)[None]
    steps = rng.uniform(-127, 127, (1, 20, 18))
    whole = compensated(steps, covariance)
    np.testing.assert_array_equal(whole, np.rint(whole))
    assert np.abs(whole).max() <= 127
    assert np.abs(whole - steps).max() < 3

    def error(chosen: npt.NDArray[np.float64]) -> float:
        return float(((inputs @ (chosen - steps)[0].T) ** 2).mean())

    assert error(whole) < 0.1 * error(np.rint(steps))


class Calibrated(NamedTuple):
    """A calibrated float file, the faces that it was calibrated with, and others."""

    content: bytes
    known: ByteArray
    other: ByteArray


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Calibrated:
    """A network with every kind of weights, and an offset between a ReLU and a convolution."""
    keras.utils.set_random_seed(5)
    network = keras.Sequential(
        [
            keras.Input((48, 48, 1)),
            keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
            keras.layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(7, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(2)
    for layer in network.layers:
        if getattr(layer, "bias", None) is not None:
            layer.bias.assign(rng.normal(scale=0.1, size=layer.bias.shape))
    gamma, offset, mean = rng.uniform(0.5, 3, 8), rng.normal(size=8), rng.uniform(0, 0.3, 8)
    network.layers[1].set_weights([gamma, offset, mean, np.full(8, 0.05)])
    path = tmp_path_factory.mktemp("network") / "model.keras"
    network.save(path)
    model = load(find(path, None))
    known, other = (prepared(faces(70, seed)[0], model.input_shape) for seed in (4, 5))
    graph = quantize.frozen(model, normalisation.NAMED["-1..1"])
    return Calibrated(quantize.calibrated(graph, known, quiet), known, other)


def test_rounding_helps_on_other_faces_and_with_every_kind_of_weights(
    calibrated: Calibrated,
) -> None:
    exact, known, other = calibrated
    plain = quantize.int8(exact)
    better = round_weights(plain, exact, known)
    before, after = _weights(plain), _weights(better)
    assert len(before) == 4
    for name, values in before.items():
        assert (values != after[name]).any()

    def error(content: bytes) -> float:
        """Of the last layer's variation: its mean is the biases' business."""
        runs = Run(exact), Run(content)
        last = runs[0].order[-2][0]
        apart = np.concatenate([runs[1](face)[last] - runs[0](face)[last] for face in other])
        return float(apart.std(axis=0).mean())

    assert error(better) < error(plain)


def test_a_sum_with_a_constant_has_the_steps_of_its_summand(calibrated: Calibrated) -> None:
    exact, _, other = calibrated
    equal = aligned(exact)
    runs = Run(exact), Run(equal)
    for name, values in runs[0](other[0]).items():
        np.testing.assert_array_equal(values, runs[1](other[0])[name])
    model = unpacked(quantize.int8(equal))
    graph = model.subgraphs[0]
    maker = {out: operator for operator in graph.operators for out in operator.outputs}
    sums = 0
    for operator in graph.operators:
        sources = [i for i in operator.inputs if constant(model, graph.tensors[i]) is None]
        if kind(model, operator) == OP.ADD and sources[0] in maker:
            scales = [graph.tensors[i].quantization.scale[0] for i in (*sources, *operator.outputs)]
            assert scales[0] == pytest.approx(scales[1], rel=1e-5)
            sums += 1
    assert sums > 0
    assert graph.tensors[graph.inputs[0]].quantization.scale[0] == 1  # the pixels' own


def test_biases_give_each_channel_its_mean_back_through_a_relu(calibrated: Calibrated) -> None:
    exact, known, _ = calibrated
    shifted = unpacked(quantize.int8(exact))
    for layer in weighted(shifted).values():
        bias = shifted.subgraphs[0].tensors[layer.inputs[2]]
        values = constant(shifted, bias)
        assert values is not None
        store(shifted, bias, values + np.rint(0.05 / bias.quantization.scale))

    wrong = packed(shifted, len(exact))
    before, after = (
        _shifts(exact, content, known) for content in (wrong, correct_biases(wrong, exact, known))
    )
    for name in weighted(shifted):
        assert after[name] < 0.25 * before[name], name


def _shifts(exact: bytes, content: bytes, faces: ByteArray) -> dict[str, float]:
    """Of each tensor, the mean over channels of how far their means are from float."""
    runs = Run(exact), Run(content)
    apart: dict[str, FloatArray] = {}
    for face in faces:
        right, found = (run(face) for run in runs)
        for name in right.keys() & found.keys():
            gap = (found[name] - right[name]).reshape(-1, right[name].shape[-1]).mean(axis=0)
            apart[name] = apart.get(name, np.zeros_like(gap)) + gap / len(faces)
    return {name: float(np.abs(gap).mean()) for name, gap in apart.items()}


def _weights(content: bytes) -> dict[str, Any]:
    """Each layer's int8 weights."""
    model = unpacked(content)
    tensors = model.subgraphs[0].tensors
    return {name: constant(model, tensors[x.inputs[1]]) for name, x in weighted(model).items()}


def test_a_layer_that_the_converter_does_not_know_is_one_line() -> None:
    @tensorflow.function  # type: ignore[untyped-decorator]
    def unknown(pixels: Any) -> Any:
        return tensorflow.cast(tensorflow.linalg.lu(pixels[0, :, :, 0])[1], tensorflow.float32)

    graph = unknown.get_concrete_function(tensorflow.TensorSpec((1, 8, 8, 1)))
    with pytest.raises(NoInt8Form, match=r"^a layer has no TFLite form \(") as refused:
        quantize.calibrated(graph, np.zeros((1, 8, 8, 1), np.uint8), quiet)
    assert "\n" not in str(refused.value)
