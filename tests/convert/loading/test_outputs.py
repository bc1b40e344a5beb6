"""Networks with several outputs, recurrent layers, weights that Keras quantized, and selu."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from convert.loading.load import load
from convert.loading.model_files import find
from convert.normalisation import NAMED
from convert.quantizing import quantize
from convert.quantizing.selu import without_selu
from edge.errors import FerEdgeError, RefusedFile, UsageError
from tests.support.converting import converted

OPTIONS = {"labels": "fer", "input_range": "0..1", "min_agreement": 0.0}
PIXELS = np.random.default_rng(1).random((4, 48, 48, 1), np.float32)


def features(kind: Any, pixels: Any) -> Any:
    """A row of 72 features."""
    x = kind.layers.Conv2D(8, 3, strides=4, activation="relu")(pixels)
    return kind.layers.Flatten()(kind.layers.MaxPooling2D(4)(x))


def three_heads(kind: Any, named: bool = False) -> Any:
    """Emotion, age and gender."""
    pixels = kind.Input((48, 48, 1))
    x = features(kind, pixels)
    heads = {
        "emotion": kind.layers.Dense(7, activation="softmax", name="emotion")(x),
        "age": kind.layers.Dense(1, name="age")(x),
        "gender": kind.layers.Dense(2, activation="softmax", name="gender")(x),
    }
    return kind.Model(pixels, heads if named else list(heads.values()))


def save(network: Any, path: Path) -> Path:
    """Write `network` as its name's ending asks."""
    if path.suffix == ".json":
        path.write_text(network.to_json())
        network.save_weights(path.with_suffix(".weights.h5"))
    elif path.suffix:
        network.save(path)
    else:
        network.export(path, verbose=False)
    return path


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(
    ("kind", "file"),
    [(keras, "m.keras"), (keras, "m.h5"), (keras, "m.json"), (tf_keras, "m.h5")],
)
def test_one_of_several_outputs(kind: Any, file: str, named: bool, tmp_path: Path) -> None:
    network = three_heads(kind, named)
    source = find(save(network, tmp_path / file), None)
    with pytest.raises(UsageError, match=r"3 outputs: .*emotion \(7\).*: --output NAME"):
        load(source)
    with pytest.raises(UsageError, match=r"--output mood: .* no such output; it has: .*age \(1\)"):
        load(source, output="mood")
    with pytest.raises(RefusedFile, match="at least two classes"):
        load(source, output="age")
    model = load(source, output="emotion")
    answers = network(PIXELS)
    expected = answers["emotion"] if named else answers[0]
    np.testing.assert_allclose(model.raw(PIXELS), expected.numpy(), atol=1e-5)


def test_one_of_several_outputs_of_a_saved_model(tmp_path: Path) -> None:
    network = three_heads(keras, named=True)
    source = find(save(network, tmp_path / "saved"), None)
    with pytest.raises(UsageError, match=r"3 outputs: .*: --output NAME"):
        load(source)
    for name in ("emotion", "gender"):
        expected = network(PIXELS)[name].numpy()
        np.testing.assert_allclose(load(source, output=name).raw(PIXELS), expected, atol=1e-5)


def test_a_chosen_output_is_converted_and_recorded(tmp_path: Path) -> None:
    source = save(three_heads(keras), tmp_path / "m.keras")
    card = converted(source, tmp_path / "out.tflite", output="emotion", **OPTIONS)
    assert card["output"] == "emotion"
    assert len(card["labels"]) == 7


def recurrent(kind: Any, layer: Any, steps: int = 6) -> Any:
    """A few features at a time, as of a picture's rows."""
    pixels = kind.Input((48, 48, 1))
    x = kind.layers.Reshape((steps, 72 // steps))(features(kind, pixels))
    return kind.Model(pixels, kind.layers.Dense(7, activation="softmax")(layer(x)))


LAYERS: dict[str, Callable[[Any], Any]] = {
    "LSTM": lambda kind: kind.layers.LSTM(8),
    "GRU": lambda kind: kind.layers.GRU(8, reset_after=False),
    "SimpleRNN": lambda kind: kind.layers.SimpleRNN(8),
    "Bidirectional": lambda kind: kind.layers.Bidirectional(kind.layers.LSTM(8)),
    "RNN": lambda kind: kind.layers.RNN(kind.layers.LSTMCell(8)),
}


@pytest.mark.parametrize("kind", [keras, tf_keras])
@pytest.mark.parametrize("name", LAYERS)
def test_a_short_sequence_is_unrolled(name: str, kind: Any, tmp_path: Path) -> None:
    network = recurrent(kind, LAYERS[name](kind))
    model = load(find(save(network, tmp_path / "m.h5"), None))
    np.testing.assert_allclose(model.raw(PIXELS), network(PIXELS).numpy(), atol=1e-5)


def test_an_unrolled_layer_has_an_int8_form(tmp_path: Path) -> None:
    source = save(recurrent(keras, LAYERS["LSTM"](keras)), tmp_path / "m.json")
    card = converted(source, tmp_path / "out.tflite", **OPTIONS)
    assert card["compared"]["largest_difference"] < 0.1


@pytest.mark.parametrize("kind", [keras, tf_keras])
def test_a_long_sequence_is_refused(kind: Any, tmp_path: Path) -> None:
    network = recurrent(kind, kind.layers.LSTM(8, name="rows"), 72)
    with pytest.raises(RefusedFile, match=r"LSTM 'rows'\) .* at most 64 steps"):
        load(find(save(network, tmp_path / "m.h5"), None))


@pytest.mark.parametrize("mode", ["int8", "int4"])
@pytest.mark.parametrize("file", ["m.keras", "m.h5"])
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_what_keras_quantized_is_read(mode: str, file: str, tmp_path: Path) -> None:
    pixels = keras.Input((48, 48, 1))
    x = keras.layers.Reshape((6, 12))(features(keras, pixels))
    x = keras.layers.EinsumDense("abc,cd->abd", (6, 8), bias_axes="d", activation="relu")(x)
    x = keras.layers.EinsumDense("abc,bcd->ad", 9, activation="tanh")(x)
    x = keras.layers.Dropout(0.5)(keras.layers.Dense(10, use_bias=False)(x))
    network = keras.Model(pixels, keras.layers.Dense(7, activation="softmax")(x))
    for layer in network.layers:
        if getattr(layer, "bias", None) is not None:
            layer.bias.assign(np.linspace(-0.1, 0.1, layer.bias.shape[0]))
    network.quantize(mode)
    model = load(find(save(network, tmp_path / file), None))
    # Keras also rounds what enters a layer.
    np.testing.assert_allclose(model.raw(PIXELS), network(PIXELS).numpy(), atol=2e-3)


def selu_network() -> Any:
    """Selu as a convolution's activation, as a layer, and as an operation."""
    pixels = keras.Input((48, 48, 1))
    x = keras.layers.Conv2D(6, 3, strides=2, activation="selu")(pixels * 8 - 4)
    x = keras.layers.Activation("selu")(keras.layers.Conv2D(6, 3, strides=2)(x))
    x = keras.ops.selu(keras.layers.Conv2D(6, 3, strides=2)(x))
    return keras.Model(
        pixels, keras.layers.Dense(7, activation="softmax")(keras.layers.Flatten()(x))
    )


@pytest.mark.parametrize("file", ["m.keras", "saved"])
def test_selu_is_written_with_elu_and_relu(file: str, tmp_path: Path) -> None:
    model = load(find(save(selu_network(), tmp_path / file), None))
    graph = quantize.frozen(model, NAMED["0..1"])
    used = {node.op for node in graph.graph.as_graph_def().node}
    assert "Selu" not in used
    assert {"Elu", "Relu"} <= used
    pixels = PIXELS[:1] * 255
    expected = model.raw(PIXELS[:1])
    np.testing.assert_allclose(graph(tf.constant(pixels))[0].numpy(), expected, atol=1e-6)


def test_it_is_the_same_function() -> None:
    values = np.concatenate([np.linspace(-20, 20, 4001), [0.0, -0.0, 1e-30, -1e-30, 1e4, -1e4]])
    function = tf.function(tf.nn.selu).get_concrete_function(tf.TensorSpec((None,), tf.float32))
    same = without_selu(function)
    known, found = (each(tf.constant(values, tf.float32)) for each in (function, same))
    np.testing.assert_allclose(np.ravel(found), np.ravel(known), rtol=3e-7, atol=1e-7)
    assert {node.op for node in same.graph.as_graph_def().node} >= {"Elu", "Relu"}


def test_errors_name_the_file(tmp_path: Path) -> None:
    for network, error in (
        (three_heads(keras), UsageError),
        (recurrent(keras, keras.layers.LSTM(8), 72), RefusedFile),
    ):
        path = save(network, tmp_path / "m.keras")
        with pytest.raises(FerEdgeError, match=r"/m\.keras: ") as caught:
            load(find(path, None))
        assert isinstance(caught.value, error)
