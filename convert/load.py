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

from convert import saved_model, vetting
from convert.float_model import FloatModel, head_of
from convert.shapes import checked_shapes
from convert.sources import Kind, Source
from edge.errors import Problem, RefusedFile, first_line

KERAS = ("keras", "tf_keras")
#: What Keras, h5py and TensorFlow raise on files that they cannot read.
FAULTS = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OSError, RuntimeError,
    ArithmeticError, MemoryError, AssertionError, ImportError, EOFError,
    zipfile.BadZipFile, zlib.error, struct.error, tf.errors.OpError,
)  # fmt: skip


def load(source: Source) -> FloatModel:
    """The network of `source` with its weights.

    Raises `RefusedFile` where it cannot be built, would run code of its author, or takes or gives
    something else than pictures and classes.
    """
    if source.kind is Kind.SAVED_MODEL:
        return _checked(saved_model.load(source.path), source.path)
    reasons = []
    for name in KERAS:
        keras = importlib.import_module(name)
        config = _vetted(source, keras)
        try:
            network = _build(config, source, keras)
        except FAULTS as error:
            reasons.append(f"{name}: {first_line(error)}")
        else:
            return _checked(_from_keras(network, name), source.path)
    raise RefusedFile(
        f"{source.path}: neither Keras 3 nor tf-keras can build it with the weights of"
        f" {source.weights.name} ({reasons[0]:.300})"
    )


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
    return network


def _ending(source: Source) -> str:
    if source.kind is Kind.KERAS:
        return ".keras"
    with h5py.File(source.weights, "r") as file:
        old = "layer_names" in file.attrs or "model_weights" in file
    return ".h5" if old else ".weights.h5"


def _from_keras(network: Any, name: str) -> Callable[[], FloatModel]:
    def make() -> FloatModel:
        inputs, outputs = network.inputs or [], network.outputs or []
        if len(inputs) != 1 or len(outputs) != 1:
            raise RefusedFile(
                f"a network of {len(inputs)} inputs and {len(outputs)} outputs;"
                " needs one picture in and one row of classes out"
            )
        shape, classes = checked_shapes(tuple(inputs[0].shape), tuple(outputs[0].shape))
        for layer in network.layers:
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
    except RefusedFile as error:
        raise RefusedFile(f"{path}: {error}") from error
    except Problem:
        raise
    except FAULTS as error:
        raise RefusedFile(f"{path}: the network does not run ({first_line(error):.200})") from error
