"""Load any Keras file as a float model.

Keras 3 is usually tried first, then tf-keras; nothing is compiled.
"""

from __future__ import annotations

import copy
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

from convert.loading import activations, dequantize, keras1, outputs, recurrent, saved_model
from convert.loading.float_model import FloatModel, head_of
from convert.loading.formats import Kind
from convert.loading.layers import layers_of
from convert.loading.model_files import ModelFiles
from convert.loading.modernize import modernize
from convert.loading.sanitize import check_safe, mentions
from convert.loading.shapes import Size, checked_shapes, sized
from edge.errors import RefusedFile, UsageError, first_line

KERAS = ("keras", "tf_keras")
#: What Keras, h5py and TensorFlow raise on files that they cannot read.
LOAD_ERRORS = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OSError, RuntimeError,
    ArithmeticError, MemoryError, AssertionError, ImportError, EOFError,
    zipfile.BadZipFile, zlib.error, struct.error, tf.errors.OpError,
)  # fmt: skip


def load(source: ModelFiles, size: Size | None = None, output: str | None = None) -> FloatModel:
    """Load the network of `source` with its weights.

    `size` is the input size of a network that takes pictures of any size, `output` the name of one
    of several outputs. Raises `RefusedFile` if the network cannot be built, would execute embedded
    code, or does not take pictures and output classes; `UsageError` if `size` or `output` is
    required or does not fit.
    """
    if source.kind is Kind.SAVED_MODEL:
        return _checked(saved_model.load(source.path, size, output), source.path)
    refusals: dict[str, RefusedFile] = {}
    reasons: dict[str, str] = {}
    writer = source.config is not None and _writer(source.config)
    for name in _attempts(source.config or {}):
        keras = importlib.import_module(name)
        try:
            config = _sanitized(source, keras)
        except RefusedFile as error:
            refusals[name] = error
            continue
        try:
            network = _build(config, source, keras)
        except RefusedFile as error:
            raise RefusedFile(f"{source.path}: {error}") from error
        except LOAD_ERRORS as error:
            reasons[name] = first_line(error)
        else:
            return _checked(_from_keras(network, name, size, output), source.path)
    if not reasons:
        raise next(iter(refusals.values()))
    name = writer if writer in reasons else next(iter(reasons))
    raise RefusedFile(
        f"{source.path}: neither Keras 3 nor tf-keras can build it with the weights of"
        f" {source.weights.name} ({name}: {reasons[name]:.300})"
    )


def _writer(config: dict[str, Any]) -> str:
    """Return which of `KERAS` wrote the description."""
    return "tf_keras" if str(config.get("keras_version")).startswith(("1.", "2.")) else "keras"


def _attempts(config: dict[str, Any]) -> tuple[str, ...]:
    """Return `KERAS` in the order to try."""
    if _writer(config) == "tf_keras" and mentions(config, "hard_sigmoid"):
        return KERAS[::-1]  # in Keras 3 this name means another function
    return KERAS


def _sanitized(source: ModelFiles, keras: Any) -> dict[str, Any]:
    try:
        config = modernize(source.config or {}, keras.layers)
        check_safe(config, source.path, keras)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise RefusedFile(f"{source.path}: the network's description is damaged") from error
    return config


def _build(config: dict[str, Any], source: ModelFiles, keras: Any) -> Any:
    network = _described(config, keras)
    if recurrent.has_loops(network):
        network = _described(recurrent.unrolled(config), keras)
    if dequantize.is_quantized(source.config or {}):
        twin = _described(source.config or {}, keras)
        _load_weights(twin, source)
        dequantize.copy_weights(twin, network)
    else:
        _load_weights(network, source)
    if source.kind is not Kind.KERAS and _by_theano(source.weights):
        keras1.rotate_kernels(network)
    activations.replace(network)
    return network


def _described(config: dict[str, Any], keras: Any) -> Any:
    family = keras.Sequential if config["class_name"] == "Sequential" else keras.Model
    return family.from_config(copy.deepcopy(config["config"]))  # Keras changes what it is given


def _load_weights(network: Any, source: ModelFiles) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # Keras goes by the suffix, but the user's file may have any name.
        named = Path(folder) / f"model{_suffix(source)}"
        named.symlink_to(source.weights.absolute())
        network.load_weights(str(named))


def _suffix(source: ModelFiles) -> str:
    if source.kind is Kind.KERAS:
        return ".keras"
    with h5py.File(source.weights, "r") as file:
        old = "layer_names" in file.attrs or "model_weights" in file
    return ".h5" if old else ".weights.h5"


def _by_theano(weights: Path) -> bool:
    with h5py.File(weights, "r") as file:
        return file.get("model_weights", file).attrs.get("backend") in ("theano", b"theano")


def _from_keras(
    whole: Any, name: str, size: Size | None, output: str | None
) -> Callable[[], FloatModel]:
    def make() -> FloatModel:
        network = _single(whole, importlib.import_module(name), output)
        input_shape, output_shape = (
            tuple(each[0].shape) for each in (network.inputs, network.outputs)
        )
        if None in input_shape[1:] and size:
            input_shape = sized(input_shape, size)
            output_shape = tuple(network.compute_output_shape(input_shape))
        shape, classes = checked_shapes(input_shape, output_shape, size)
        for layer in layers_of(network):
            if not all(np.isfinite(values).all() for values in layer.get_weights()):
                raise RefusedFile(f"the weights of layer '{layer.name}' contain NaN or infinity")

        def call(pixels: Any) -> Any:
            return tf.reshape(network(pixels, training=False), (-1, classes))

        head, parameters = head_of(call, shape), network.count_params()
        return FloatModel(call, shape, classes, head, network, name, parameters)

    return make


def _single(network: Any, keras: Any, output: str | None) -> Any:
    """Return `network` with one output, that named `output` if it has several."""
    found = list(network.outputs or [])
    last = [network.layers[-1].name] if len(found) == 1 else []
    names = outputs.unique([str(name) for name in getattr(network, "output_names", last)])
    shapes = {name: tuple(each.shape) for name, each in zip(names, found, strict=False)}
    chosen = outputs.choose(len(network.inputs or []), shapes, output)
    if len(found) == 1:
        return network
    return keras.Model(network.inputs, found[names.index(chosen)])


def _checked(make: Callable[[], FloatModel], path: Path) -> FloatModel:
    try:
        return make()
    except (RefusedFile, UsageError) as error:
        raise type(error)(f"{path}: {error}") from error
    except LOAD_ERRORS as error:
        raise RefusedFile(f"{path}: the network does not run ({first_line(error):.200})") from error
