"""Keras's description of a network, looked through before anything is built from it.

A description can carry code (a Lambda's byte code, the name of any function of a library). Building
it would run that code, so a description is built only when it names nothing but Keras's own layers.
What matters in training alone is taken out on the way, and what older versions of Keras wrote
otherwise is put into today's words.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from convert.opening import keras1, keras3
from edge.errors import RefusedFile

NETWORKS = ("Sequential", "Functional", "Model")

#: Layers that hand their input on unchanged outside training.
_TRAINING_ONLY = re.compile(
    r"(Spatial|Alpha|Gaussian)?Dropout([123]D)?|GaussianNoise|ActivityRegularization"
    r"|Random(Flip|Rotation|Zoom|Translation|Contrast|Brightness|Shear|Height|Width|Hue|Saturation"
    r"|Sharpness|ColorJitter|Grayscale|Erasing|GaussianBlur|Invert|Posterization|Perspective"
    r"|ElasticTransform|ColorDegeneration)"
)
#: Layers that hold another library's program, or read files that they name.
_FOREIGN = {
    "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "StringLookup", "IntegerLookup",
    "TextVectorization",
}  # fmt: skip
#: What a description may name besides layers. `keras.utils`, `keras.saving` and others have
#: functions that read, write and download.
_MODULES = re.compile(
    r"(tensorflow\.|tensorflow\.python\.)?(tf_)?keras(\.src)?(\.api)?(\._tf_keras\.keras)?"
    r"(\.(layers|models|engine|activations|initializers|regularizers|constraints|dtype_policies"
    r"|ops|random|quantizers|applications)(\.\w+)*)?"
)
#: TensorFlow functions that tf.keras wrapped as layers: arithmetic only.
_OPERATIONS = re.compile(
    r"(math|nn|linalg|__operators__|image)\.\w+|cast|reshape|transpose|concat|stack|squeeze"
    r"|expand_dims|identity|clip_by_value|shape|compat\.v1\.(shape|transpose)|repeat|tile|split"
    r"|convert_to_tensor|broadcast_to|reverse|pad|subtract|multiply|add|divide"
)
#: Keywords of layers that change nothing outside training, or that nobody ever set.
_IDLE = {
    "groups", "renorm", "renorm_clipping", "renorm_momentum", "fused", "virtual_batch_size",
    "adjustment", "quantization_config", "synchronized", "jit_compile", "ragged", "optional",
}  # fmt: skip
_BASE = {
    "name", "trainable", "dtype", "autocast", "activity_regularizer", "input_shape",
    "batch_shape", "batch_input_shape", "input_dim", "layers", "layer", "build_config",
}  # fmt: skip


def vet(config: dict[str, Any], path: object, keras: Any) -> None:
    """Pass a description that names only what is in `keras` (the module) and arithmetic.

    Raises `RefusedFile` with what was found otherwise.
    """
    for found in _objects(config):
        name = str(found["class_name"])
        if reason := _reason(name, found, keras):
            raise RefusedFile(
                f"{path}: {reason}. Building it would run code from the file, so it is refused;"
                " export the model without it"
            )


def _reason(name: str, found: dict[str, Any], keras: Any) -> str | None:
    """Why the object `found` is refused; None where it is not."""
    inner, module = found.get("config"), found.get("module")
    title = f"{name} '{inner['name']}'" if isinstance(inner, dict) and "name" in inner else name
    reason = None
    if name in ("Lambda", "__lambda__"):
        reason = f"holds a Lambda layer ({title})"
    elif name in _FOREIGN:
        reason = f"holds a layer that runs or reads what is not in the network ({title})"
    elif name == "function":
        known = isinstance(inner, str) and hasattr(keras.activations, inner)
        reason = None if known else f"holds a function of its author ({inner!r:.60})"
    elif name in ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"):
        function = str(inner.get("function", "")) if isinstance(inner, dict) else ""
        if name == "TensorFlowOpLayer" or not _OPERATIONS.fullmatch(function):
            reason = f"holds a raw TensorFlow operation ({title})"
    elif module not in (None, "builtins"):
        registered = str(found.get("registered_name"))
        if not _MODULES.fullmatch(str(module)) or ">" in registered:
            reason = f"holds code of its author ({module}.{name})"
    # Without a module it is one of the older descriptions, where layers are those with a name.
    elif isinstance(inner, dict) and "name" in inner and "layers" not in inner:
        known = hasattr(keras.layers, name) or name in NETWORKS
        reason = None if known else f"holds a layer that Keras does not know ({title})"
    return reason


def mend(config: dict[str, Any], layers: Any) -> dict[str, Any]:
    """The description in today's words, without what only training needs.

    `layers` is the module whose layers will be built: a keyword that they do not know goes, where
    it is idle or unset.
    """
    config = {**keras1.translated(_decoded(config))}
    config.pop("compile_config", None)
    inner = config["config"]
    if config["class_name"] == "Sequential" and isinstance(inner, list):
        inner = {"name": "sequential", "layers": inner}  # so until Keras 2.2
    if not isinstance(inner, dict):
        return config
    inner = dict(inner)
    if isinstance(inner.get("layers"), list):
        inner["layers"] = [_mend_layer(layer, layers) for layer in inner["layers"]]
        if config["class_name"] == "Sequential":
            inner["layers"] = _with_input(inner["layers"])
            inner.pop("build_input_shape", None)
    inner.pop("dtype", None)
    name = "Functional" if config["class_name"] == "Model" else config["class_name"]
    return {**config, "class_name": name, "config": inner}


def _mend_layer(layer: Any, layers: Any) -> Any:
    if not isinstance(layer, dict) or not isinstance(layer.get("config"), dict | list):
        return layer
    name = str(layer.get("class_name"))
    if name in NETWORKS:
        return mend(layer, layers)
    config = dict(layer["config"])
    if isinstance(config.get("layer"), dict):  # TimeDistributed and other wrappers
        config["layer"] = _mend_layer(config["layer"], layers)
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
    return key not in taken and key not in _BASE and (key in _IDLE or value in (None, False))


def _decoded(node: Any) -> Any:
    """`node` with what JSON has no sign for, and tf.keras writes as objects, in Python's own."""
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


def mentions(node: Any, word: str) -> bool:
    """Whether `word` stands anywhere in a description, however deep."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if here == word:
            return True
        if isinstance(here, dict | list):
            waiting += here.values() if isinstance(here, dict) else here
    return False


def _with_input(layers: list[Any]) -> list[Any]:
    """A Sequential's layers with the input's shape as a layer of its own, as Keras 3 wants it."""
    first = layers[0] if layers else None
    if not isinstance(first, dict) or not isinstance(first.get("config"), dict):
        return layers
    shape = first["config"].get("batch_input_shape")
    if first["class_name"] == "InputLayer" or not isinstance(shape, list):
        return layers
    name = f"{first['config'].get('name', 'first')}_input"
    entry = {"class_name": "InputLayer", "config": {"batch_input_shape": shape, "name": name}}
    return [entry, *layers]


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    """Every object that a description names, however deep."""
    if isinstance(node, dict):
        if "class_name" in node:
            yield node
        for value in node.values():
            yield from _objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from _objects(value)
