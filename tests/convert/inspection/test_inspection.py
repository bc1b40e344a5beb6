"""Input range and label order, from layers and from responses to synthetic faces."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np
import pytest

from convert import normalisation
from convert.faces.synthetic import faces, varied_faces
from convert.inspection import batchnorm
from convert.inspection.evidence import STANDARDISED
from convert.inspection.findings import Unclear, find_out
from convert.inspection.input_range import input_range
from convert.inspection.label_order import label_order
from convert.inspection.reference_model import readings
from convert.inspection.responses import Responses, responses
from convert.labels import fer_order
from convert.loading.float_model import FloatModel, Head
from convert.request import Request
from tests.support.converting import keras, opened, small_network

FER = fer_order()


def test_batchnorm_remembers_the_input_range(tmp_path: Path) -> None:
    pixels = faces(210, 8)[0][..., None] / 127.5 - 1
    network = small_network()
    network(pixels, training=False)
    norm = network.layers[1]
    seen = network.layers[0](pixels).numpy()
    norm.moving_mean.assign(seen.mean(axis=(0, 1, 2)))
    norm.moving_variance.assign(seen.var(axis=(0, 1, 2)))
    found = batchnorm.divergences(opened(network, tmp_path), normalisation.NAMED)
    assert min(found, key=found.__getitem__) == "-1..1"
    assert sorted(found.values())[1] > 5 * found["-1..1"]


@pytest.fixture(scope="module")
def without_batchnorm() -> keras.Model:
    """A network for pixels 0..1 that reads synthetic faces, with nothing to remember them by."""
    keras.utils.set_random_seed(3)
    network = keras.Sequential(
        [
            keras.Input((48, 48, 1)),
            keras.layers.Conv2D(8, 5, strides=3, activation="relu"),
            keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(7, activation="softmax"),
        ]
    )
    network.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    pictures, classes = faces(2100, 31, amplify=1.5, noise=0.8, texture=0.5, sharpen=True)
    network.fit(pictures[..., None] / 255.0, classes, epochs=7, batch_size=64, verbose=0)
    return network


@pytest.mark.parametrize("text", ["0..255", "129,65", "0..1"])
def test_answers_tell_the_input_range(text: str, without_batchnorm: keras.Model) -> None:
    scaling = normalisation.parse(text)
    network = keras.models.clone_model(without_batchnorm)
    network.set_weights(without_batchnorm.get_weights())
    # The same network for pixels normalised otherwise: its first layer undoes that.
    kernel, bias = network.layers[0].get_weights()
    slope, shift = 1 / (255 * scaling.scale), -scaling.offset / (255 * scaling.scale)
    network.layers[0].set_weights([kernel * slope, bias + shift * kernel.sum(axis=(0, 1, 2))])
    call = functools.partial(network, training=False)
    model = FloatModel(call, (1, 48, 48, 1), 7, Head.SOFTMAX, network, "keras", 1)
    candidates = {**normalisation.NAMED, "129,65": STANDARDISED}
    respond = functools.cache(lambda name, draw: responses(model, candidates[name], draw))
    found = input_range(model, candidates, respond)
    assert (found.answer, found.clear) == (text, True)
    assert label_order(respond(text, varied_faces)).answer == "fer"


def test_an_order_of_its_own_is_suggested_beside_a_clear_range(
    without_batchnorm: keras.Model,
) -> None:
    own = ("surprise", "sad", "happy", "angry", "neutral", "disgust", "fear")
    network = keras.models.clone_model(without_batchnorm)
    *weights, kernel, bias = without_batchnorm.get_weights()
    columns = [FER.index(name) for name in own]
    network.set_weights([weights[0] / 255, *weights[1:], kernel[:, columns], bias[columns]])
    call = functools.partial(network, training=False)
    model = FloatModel(call, (1, 48, 48, 1), 7, Head.SOFTMAX, network, "keras", 1)
    with pytest.raises(Unclear, match=f"best guess: --labels {','.join(own)}") as caught:
        find_out(model, Request("model.h5", ""))
    assert caught.value.findings["label_order"] == "unclear"
    assert caught.value.findings["input_range"] == "0..255"
    assert caught.value.findings["input_range_value"] == "0..255"


def test_answers_contradict_what_a_frozen_layer_remembers(
    without_batchnorm: keras.Model,
) -> None:
    norm = keras.layers.BatchNormalization(epsilon=1e-6)
    network = keras.Sequential([keras.Input((48, 48, 1)), norm, *without_batchnorm.layers])
    raw = faces(140, 9)[0].astype(np.float32)
    # It remembers 0..255, and passes on what it gets.
    mean, variance = raw.mean(keepdims=True).ravel(), raw.var(keepdims=True).ravel()
    norm.set_weights([np.sqrt(variance), mean, mean, variance])
    call = functools.partial(network, training=False)
    model = FloatModel(call, (1, 48, 48, 1), 7, Head.SOFTMAX, network, "keras", 1)
    candidates = {name: normalisation.NAMED[name] for name in ("0..1", "0..255")}
    respond = functools.cache(lambda name, draw: responses(model, candidates[name], draw))
    found = input_range(model, candidates, respond)
    assert (found.answer, found.clear) == ("0..1", False)
    line = found.line("input range")
    assert "answers to synthetic faces say 0..1" in line
    assert "best guess: 0..1" in line  # the guess does not contradict what stands beside it


def test_a_rescaling_inside_may_have_had_scaled_pixels(without_batchnorm: keras.Model) -> None:
    network = keras.Sequential([keras.Input((48, 48, 1)), keras.layers.Rescaling(1 / 255)])
    for layer in keras.models.clone_model(without_batchnorm).layers:
        network.add(layer)
    first, *others = without_batchnorm.get_weights()
    network.set_weights([first * 255, *others])
    call = functools.partial(network, training=False)
    model = FloatModel(call, (1, 48, 48, 1), 7, Head.SOFTMAX, network, "keras", 1)
    with pytest.raises(Unclear) as caught:
        find_out(model, Request("model.h5", "", labels="fer"))
    (line,) = (line for line in caught.value.findings["notes"] if line.startswith("input range"))
    assert re.search(r"say (\S+); best guess: \1\)", line), line
    found = find_out(model, Request("model.h5", "", labels="fer", input_range="0..1"))
    assert found.known["warnings"] == []


@pytest.mark.parametrize("close", [("0..1", "127.5,255")])
def test_evidence_below_chance_is_no_evidence(close: tuple[str, ...]) -> None:
    # Surer of wrong answers than of right ones, and less so with less contrast.
    gains = {"0..1": 2.0, "127.5,255": 1.6}
    seen = {name: answering(FER, 3.0, gains[name]) for name in close}
    model = FloatModel(np.asarray, (1, 48, 48, 3), 7, Head.SOFTMAX, None, "SavedModel", 1)
    candidates = {name: normalisation.parse(name) for name in close}
    found = input_range(model, candidates, lambda name, _draw: seen[name])
    assert max(seen[name].likeliest() for name in close) < -3 < np.log(1 / 7)
    assert min(seen[name].best_names()[1] for name in close) > 0.25
    assert not found.clear
    assert found.line("input range") == (
        "input range: unclear (from answers to synthetic faces, no better than chance)"
    )


def test_answers_of_noise_suggest_no_range() -> None:
    seen = answering(FER, 40.0)
    model = FloatModel(np.asarray, (1, 48, 48, 3), 7, Head.SOFTMAX, None, "SavedModel", 1)
    found = input_range(model, normalisation.NAMED, lambda _name, _draw: seen)
    assert not found.clear
    assert "best guess" not in found.line("input range")


def answering(names: tuple[str, ...], noise: float, gain: float = 1.0) -> Responses:
    """A network of these classes that answers `2 * gain` as surely as our reader, and noisily."""
    pictures, intended = varied_faces(140, 6)
    read = readings(pictures)
    rng = np.random.default_rng(5)
    columns = [read[:, FER.index(n)] if n in FER else read.mean(axis=1) for n in names]
    answers = 2 * np.stack(columns, axis=1) + noise * rng.standard_normal((140, len(names)))
    answers *= gain
    return Responses(answers - np.log(np.exp(answers).sum(axis=1))[:, None], intended, read)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (FER, "fer"),
        (tuple(sorted(FER)), "alphabetical"),
        (tuple(sorted((*FER, "contempt"))), "alphabetical"),
        (("angry", "contempt", "disgust", "fear", "happy", "sad", "surprise"), "alphabetical"),
        (("angry", "happy", "neutral", "sad", "surprise"), "alphabetical"),
        (("angry", "fear", "happy", "sad", "surprise", "neutral"), "fer"),
    ],
)
def test_known_orders_are_recognised(names: tuple[str, ...], kind: str) -> None:
    found = label_order(answering(names, 1.0))
    assert (found.answer, found.names, found.clear) == (kind, names, True)


def test_other_orders_are_suggested_but_not_clear() -> None:
    ferplus = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")
    own = ("surprise", "sad", "happy", "angry", "neutral", "disgust", "fear")
    for names, known in ((ferplus, "FER+"), (own, "faces")):
        found = label_order(answering(names, 1.0))
        assert (found.answer, found.names, found.clear) == ("unclear", names, False)
        assert known in found.source
        assert f"--labels {','.join(names)}" in found.line("label order")


def test_noise_has_no_order() -> None:
    found = label_order(answering(FER, 40.0))
    assert (found.answer, found.names, found.clear) == ("unclear", (), False)
