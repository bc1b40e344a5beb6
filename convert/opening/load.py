"""Any Keras file → a float model. Keras 3 first, then tf-keras; nothing is compiled."""

from __future__ import annotations

import importlib
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tensorflow as tf

from convert.float_model import FloatModel, head_of
from convert.opening import activations, keras1, saved_model, vetting
from convert.opening.formats import Kind
from convert.opening.layers import layers_of
from convert.opening.shapes import Size, checked_shapes, sized
from convert.opening.sources import Source
from edge.errors import RefusedFile, UsageError, first_line

KERAS = ("keras", "tf_keras")
#: What Keras, h5py and TensorFlow raise on files that they cannot read.
FAULTS = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OSError, RuntimeError,
    ArithmeticError, MemoryError, AssertionError, ImportError, EOFError,
    zipfile.BadZipFile, zlib.error, struct.error, tf.errors.OpError,
)  # fmt: skip

#: TensorFlow's converter ends the process on some of these.
RECURRENT = {
    "RNN", "SimpleRNN", "LSTM", "GRU", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D",
}  # fmt: skip


def load(source: Source, size: Size | None = None) -> FloatModel:
    """The network of `source` with its weights, for pictures of `size` where it takes any.

    Raises `RefusedFile` where it cannot be built, would run code of its author, or takes or gives
    something else than pictures and classes; `UsageError` where `size` is wanted or does not fit.
    """
    if source.kind is Kind.SAVED_MODEL:
        return _checked(saved_model.load(source.path, size), source.path)
    refusals: dict[str, RefusedFile] = {}
    reasons: dict[str, str] = {}
    writer = source.config is not None and _writer(source.config)
    for name in _readers(source.config or {}):
        keras = importlib.import_module(name)
        try:
            network = _build(_vetted(source, keras), source, keras)
        except RefusedFile as error:
            refusals[name] = error
        except FAULTS as error:
            reasons[name] = first_line(error)
        else:
            return _checked(_from_keras(network, name, size), source.path)
    if not reasons:
        raise next(iter(refusals.values()))
    name = writer if writer in reasons else next(iter(reasons))
    raise RefusedFile(
        f"{source.path}: neither Keras 3 nor tf-keras can build it with the weights of"
        f" {source.weights.name} ({name}: {reasons[name]:.300})"
    )


def _writer(config: dict[str, Any]) -> str:
    """Which of `KERAS` wrote the description."""
    return "tf_keras" if str(config.get("keras_version")).startswith(("1.", "2.")) else "keras"


def _readers(config: dict[str, Any]) -> tuple[str, ...]:
    """`KERAS` in the order in which they are tried."""
    if _writer(config) == "tf_keras" and vetting.mentions(config, "hard_sigmoid"):
        return KERAS[::-1]  # Keras 3 calls by this name another function
    return KERAS


def _vetted(source: Source, keras: Any) -> dict[str, Any]:
    try:
        config = vetting.mend(source.config or {}, keras.layers)
        vetting.vet(config, source.path, keras)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise RefusedFile(f"{source.path}: the network's description is damaged") from error
    return config


def _build(config: dict[str, Any], source: Source, keras: Any) -> Any:
    family = keras.Sequential if config["class_name"] == "Sequential" else keras.Model
    network = family.from_config(config["config"])
    with tempfile.TemporaryDirectory() as folder:
        # Keras goes by the ending of the name, people name files as they like.
        named = Path(folder) / f"model{_ending(source)}"
        named.symlink_to(source.weights.absolute())
        network.load_weights(str(named))
    if source.kind is not Kind.KERAS and _by_theano(source.weights):
        keras1.turn_kernels(network)
    activations.replace(network)
    return network


def _ending(source: Source) -> str:
    if source.kind is Kind.KERAS:
        return ".keras"
    with h5py.File(source.weights, "r") as file:
        old = "layer_names" in file.attrs or "model_weights" in file
    return ".h5" if old else ".weights.h5"


def _by_theano(weights: Path) -> bool:
    with h5py.File(weights, "r") as file:
        return file.get("model_weights", file).attrs.get("backend") in ("theano", b"theano")


def _from_keras(network: Any, name: str, size: Size | None) -> Callable[[], FloatModel]:
    def make() -> FloatModel:
        inputs, outputs = network.inputs or [], network.outputs or []
        if len(inputs) != 1 or len(outputs) != 1:
            raise RefusedFile(
                f"a network of {len(inputs)} inputs and {len(outputs)} outputs;"
                " needs one picture in and one row of classes out"
            )
        taken, given = tuple(inputs[0].shape), tuple(outputs[0].shape)
        if None in taken[1:] and size:
            taken = sized(taken, size)
            given = tuple(network.compute_output_shape(taken))
        shape, classes = checked_shapes(taken, given, size)
        for layer in layers_of(network):
            if type(layer).__name__ in RECURRENT:
                raise RefusedFile(
                    f"holds a recurrent layer ({type(layer).__name__} '{layer.name}'), which has"
                    " no form in int8; needs a network without"
                )
            if not all(np.isfinite(values).all() for values in layer.get_weights()):
                raise RefusedFile(f"the weights of layer '{layer.name}' hold NaN or infinity")

        def call(pixels: Any) -> Any:
            return tf.reshape(network(pixels, training=False), (-1, classes))

        head, parameters = head_of(call, shape), network.count_params()
        return FloatModel(call, shape, classes, head, network, name, parameters)

    return make


def _checked(make: Callable[[], FloatModel], path: Path) -> FloatModel:
    try:
        return make()
    except (RefusedFile, UsageError) as error:
        raise type(error)(f"{path}: {error}") from error
    except FAULTS as error:
        raise RefusedFile(f"{path}: the network does not run ({first_line(error):.200})") from error
