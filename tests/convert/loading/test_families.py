"""Networks that Keras's files tell of in peculiar words: read, with the answers kept."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tf_keras

from convert import process
from convert.loading import hdf5
from convert.loading.load import load
from convert.loading.model_files import find
from edge.errors import FerEdgeError, RefusedFile, UsageError
from tests.conftest import ROOT
from tests.support.converting import converted

OPTIONS = {"labels": "fer", "input_range": "0..1", "min_agreement": 0.0}


def ended(kind: Any, pixels: Any, x: Any) -> Any:
    """The network from `pixels` by way of `x` to seven classes."""
    x = kind.layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    x = kind.layers.GlobalAveragePooling2D()(x)
    return kind.Model(pixels, kind.layers.Dense(7, activation="softmax")(x))


def arithmetic(kind: Any) -> Any:
    """Numbers on either side, an operation that shares its name with a layer, and that layer."""
    pixels = kind.Input((48, 48, 1))
    x = 1.0 - (pixels / 127.5 - 0.5) * 2.0
    return ended(kind, pixels, kind.layers.Multiply()([x, x + pixels]))


def sliced(kind: Any) -> Any:
    """Colours turned round, the edge cut off, by Python's own brackets."""
    pixels = kind.Input((48, 48, 3))
    return ended(kind, pixels, pixels[..., ::-1][:, 2:-2, 2:-2, :])


def attentive(kind: Any) -> Any:
    """Keras 3 does not read from `.h5` what it wrote of Attention."""
    pixels = kind.Input((48, 48, 1))
    x = kind.layers.Conv2D(8, 3, strides=8)(pixels)
    x = kind.layers.Reshape((36, 8))(x)
    x = kind.layers.GlobalAveragePooling1D()(kind.layers.Attention()([x, x]))
    return kind.Model(pixels, kind.layers.Dense(7, activation="softmax")(x))


def hard_sigmoid(kind: Any) -> Any:
    """Keras 2 and Keras 3 have each a function of this name."""
    pixels = kind.Input((48, 48, 1))
    x = kind.layers.Conv2D(4, 3, activation="hard_sigmoid", kernel_initializer="ones")(pixels)
    return ended(kind, pixels, x)


def mish(kind: Any) -> Any:
    """An activation with a logarithm in it, which int8 cannot have."""
    pixels = kind.Input((48, 48, 1))
    x = kind.layers.Conv2D(4, 3, activation="mish")(pixels)
    return ended(kind, pixels, kind.layers.Activation("mish")(x))


def grouped(kind: Any) -> Any:
    """Convolutions whose outputs see some of the channels."""
    pixels = kind.Input((48, 48, 1))
    x = kind.layers.Conv2D(8, 3, strides=4, activation="relu")(pixels)
    return ended(kind, pixels, kind.layers.Conv2D(8, 3, groups=4, activation="relu")(x))


def forgotten(kind: Any) -> Any:
    """A layer that Keras 3 has no more."""
    pixels = kind.Input((48, 48, 1))
    return ended(kind, pixels, kind.layers.ThresholdedReLU(0.3)(pixels))


@pytest.mark.parametrize(
    ("build", "kind", "ending"),
    [
        (arithmetic, keras, "h5"),
        (arithmetic, keras, "keras"),
        (arithmetic, tf_keras, "h5"),
        (sliced, keras, "h5"),
        (sliced, tf_keras, "h5"),
        (attentive, keras, "h5"),
        (hard_sigmoid, tf_keras, "h5"),
        (hard_sigmoid, tf_keras, "keras"),
        (hard_sigmoid, keras, "h5"),
        (mish, keras, "keras"),
        (mish, tf_keras, "h5"),
        (forgotten, tf_keras, "h5"),
    ],
)
def test_answers_as_where_it_was_saved(
    build: Callable[[Any], Any], kind: Any, ending: str, tmp_path: Path
) -> None:
    network = build(kind)
    network.save(tmp_path / f"model.{ending}")
    model = load(find(tmp_path / f"model.{ending}", None))
    pixels = np.random.default_rng(1).random((4, *model.input_shape[1:]), np.float32)
    np.testing.assert_allclose(model.raw(pixels), network(pixels).numpy(), atol=1e-5)


@pytest.mark.parametrize("build", [arithmetic, mish, grouped])
def test_what_they_ask_for_has_an_int8_form(build: Callable[[Any], Any], tmp_path: Path) -> None:
    build(keras).save(tmp_path / "model.h5")
    card = converted(tmp_path / "model.h5", tmp_path / "out.tflite", **OPTIONS)
    assert card["compared"]["largest_difference"] < 0.1


def test_input_size_where_the_network_takes_any(tmp_path: Path) -> None:
    pixels = keras.Input((None, None, 1))
    ended(keras, pixels, pixels).save(tmp_path / "model.keras")
    source, out = tmp_path / "model.keras", tmp_path / "out.tflite"
    with pytest.raises(UsageError, match=r"no fixed size; give .* --input-size 48"):
        converted(source, out, **OPTIONS)
    card = converted(source, out, input_size="40x32", **OPTIONS)
    assert card["input_shape"] == [1, 40, 32, 1]


@pytest.mark.parametrize("size", ["48x", "big", "4 8", "-48"])
def test_input_size_that_is_none(size: str, tmp_path: Path) -> None:
    arithmetic(keras).save(tmp_path / "model.keras")
    with pytest.raises(UsageError, match=r"must be pixels|does not fit"):
        converted(tmp_path / "model.keras", tmp_path / "out.tflite", input_size=size, **OPTIONS)


def test_description_written_as_a_json_text(tmp_path: Path) -> None:
    network = attentive(tf_keras)
    (tmp_path / "model.json").write_text(json.dumps(network.to_json()))
    network.save_weights(tmp_path / "model.h5")
    assert load(find(tmp_path / "model.json", None)).classes == 7


def test_kernels_that_theano_trained_are_turned(tmp_path: Path) -> None:
    network = arithmetic(tf_keras)
    network.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        file["model_weights"].attrs["backend"] = b"theano"
    model = load(find(tmp_path / "model.h5", None))
    convolution = next(layer for layer in network.layers if "conv2d" in layer.name)
    kernel, bias = convolution.get_weights()
    convolution.set_weights([kernel[::-1, ::-1], bias])
    pixels = np.random.default_rng(1).random((4, 48, 48, 1), np.float32)
    np.testing.assert_allclose(model.raw(pixels), network(pixels).numpy(), atol=1e-5)


@pytest.mark.parametrize("name", ["TFSMLayer", "StringLookup", "TorchModuleWrapper"])
def test_layers_that_bring_programs_or_files(name: str, tmp_path: Path) -> None:
    arithmetic(keras).save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][1]["class_name"] = name
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(RefusedFile, match=f"runs or reads something outside the network .*{name}"):
        load(find(tmp_path / "model.h5", None))


def test_reading_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "model.h5")
    monkeypatch.setattr(hdf5, "TIMEOUT_S", 1.0)
    with pytest.raises(RefusedFile, match="reading it never ends"):
        hdf5.check(tmp_path / "model.h5")


@pytest.mark.parametrize(
    ("code", "stage", "kind", "said"),
    [
        (-signal.SIGXCPU, "loading", RefusedFile, "reading it never ends"),
        (-signal.SIGSEGV, "loading", RefusedFile, "reading it crashed with SIGSEGV"),
        (
            -signal.SIGSEGV,
            "calibrating",
            FerEdgeError,
            "calibrating: TensorFlow crashed with SIGSEGV",
        ),
        (-signal.SIGKILL, "calibrating", FerEdgeError, "out of memory"),
        (1, "loading", FerEdgeError, "loading: a last word"),
    ],
)
def test_how_a_worker_dies(code: int, stage: str, kind: type[FerEdgeError], said: str) -> None:
    with io.BytesIO(b"chatter\na last word\n") as chatter:
        death = process.death(code, stage, chatter, "model.h5")
    assert type(death) is kind
    assert said in str(death)


def test_a_process_that_goes_in_circles_is_ended_by_its_limit() -> None:
    circles = "from convert.pipeline.worker import limit_cpu\nlimit_cpu(1)\nwhile True: pass"
    done = subprocess.run([sys.executable, "-c", circles], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == -signal.SIGXCPU
