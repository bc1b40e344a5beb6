"""Translate older descriptions of networks to the current Keras.

Parts that only training needs are dropped.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from convert.loading import keras1, keras3
from convert.loading.sanitize import NETWORKS

#: Layers that pass their input through unchanged outside training.
_TRAINING_ONLY = re.compile(
    r"(Spatial|Alpha|Gaussian)?Dropout([123]D)?|GaussianNoise|ActivityRegularization"
    r"|Random(Flip|Rotation|Zoom|Translation|Contrast|Brightness|Shear|Height|Width|Hue|Saturation"
    r"|Sharpness|ColorJitter|Grayscale|Erasing|GaussianBlur|Invert|Posterization|Perspective"
    r"|ElasticTransform|ColorDegeneration)"
)
#: Keywords of layers that have no effect outside training, or are never set in practice.
_NO_EFFECT = {
    "groups", "renorm", "renorm_clipping", "renorm_momentum", "fused", "virtual_batch_size",
    "adjustment", "quantization_config", "synchronized", "jit_compile", "ragged", "optional",
}  # fmt: skip
_BASE = {
    "name", "trainable", "dtype", "autocast", "activity_regularizer", "input_shape",
    "batch_shape", "batch_input_shape", "input_dim", "layers", "layer", "build_config",
}  # fmt: skip


def modernize(config: dict[str, Any], layers: Any) -> dict[str, Any]:
    """Return the description for the current Keras, without parts only for training.

    `layers` is the module whose layers will be built: a keyword that they do not accept is dropped
    if it is unset or has no effect.
    """
    config = {**keras1.translated(_decoded(config))}
    config.pop("compile_config", None)
    inner = config["config"]
    if config["class_name"] == "Sequential" and isinstance(inner, list):
        inner = {"name": "sequential", "layers": inner}  # the form until Keras 2.2
    if not isinstance(inner, dict):
        return config
    inner = dict(inner)
    if isinstance(inner.get("layers"), list):
        inner["layers"] = [_modernized(layer, layers) for layer in inner["layers"]]
        if config["class_name"] == "Sequential":
            inner["layers"] = _with_input(inner["layers"])
            inner.pop("build_input_shape", None)
    inner.pop("dtype", None)
    name = "Functional" if config["class_name"] == "Model" else config["class_name"]
    return {**config, "class_name": name, "config": inner}


def _modernized(layer: Any, layers: Any) -> Any:
    if not isinstance(layer, dict) or not isinstance(layer.get("config"), dict | list):
        return layer
    name = str(layer.get("class_name"))
    if name in NETWORKS:
        return modernize(layer, layers)
    config = dict(layer["config"])
    if isinstance(config.get("layer"), dict):  # TimeDistributed and other wrappers
        config["layer"] = _modernized(config["layer"], layers)
    if _TRAINING_ONLY.fullmatch(name):
        kept = {key: config[key] for key in ("name", "batch_input_shape") if key in config}
        plain = {key: layer[key] for key in ("name", "inbound_nodes") if key in layer}
        return {**plain, "class_name": "Activation", "config": {**kept, "activation": "linear"}}
    layer = keras3.translated(layer)
    kind = getattr(layers, name, None)
    if kind is None:
        return layer
    config = {key: value for key, value in config.items() if not _droppable(key, value, kind)}
    return {**layer, "config": config}


def _droppable(key: str, value: Any, kind: type) -> bool:
    if key == "dtype" or key.endswith(("_regularizer", "_constraint", "_initializer")):
        return True  # half precision helps training; int8 is made from float32
    taken = inspect.signature(kind).parameters
    return key not in taken and key not in _BASE and (key in _NO_EFFECT or value in (None, False))


def _decoded(node: Any) -> Any:
    """Return `node` with tuples, shapes and `...` as Python objects."""
    if isinstance(node, list):
        return [_decoded(value) for value in node]
    if not isinstance(node, dict):
        return node
    kind = node.get("class_name")
    if kind in ("__tuple__", "TensorShape") and isinstance(node.get("items"), list):
        return [_decoded(value) for value in node["items"]]
    if kind == "__ellipsis__" and "config" not in node:
        return ...
    return {key: _decoded(value) for key, value in node.items()}


def _with_input(layers: list[Any]) -> list[Any]:
    """Return a Sequential's layers with the input as a layer, as in Keras 3."""
    first = layers[0] if layers else None
    if not isinstance(first, dict) or not isinstance(first.get("config"), dict):
        return layers
    shape = first["config"].get("batch_input_shape")
    if first["class_name"] == "InputLayer" or not isinstance(shape, list):
        return layers
    name = f"{first['config'].get('name', 'first')}_input"
    entry = {"class_name": "InputLayer", "config": {"batch_input_shape": shape, "name": name}}
    return [entry, *layers]
