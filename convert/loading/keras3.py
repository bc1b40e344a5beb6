"""Translate Keras 3's descriptions in `.h5` into those of its `.keras`.

In an `.h5`, arithmetic on tensors (`inputs / 255.0`) is listed among the layers under its bare
class name, which Keras cannot resolve, and other objects are partly in the older format.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

import keras

#: Operations that call a function passed to them.
_HIGHER_ORDER = {"Map", "Scan", "Cond", "WhileLoop", "ForiLoop", "VectorizedMap", "AssociativeScan"}


@functools.cache
def operations() -> dict[str, str]:
    """Return the module of each arithmetic operation of Keras 3, by class name."""
    found = {}
    for part in ("core", "image", "linalg", "math", "nn", "numpy"):
        module = importlib.import_module(f"keras.src.ops.{part}")
        for name, kind in vars(module).items():
            ours = isinstance(kind, type) and kind.__module__ == module.__name__
            if ours and issubclass(kind, keras.Operation) and name not in _HIGHER_ORDER:
                found[name] = module.__name__
    return found


def translated(layer: dict[str, Any]) -> dict[str, Any]:
    """Return `layer` of a description with the module in which Keras 3 finds it.

    Anything but a layer or an operation of Keras 3 in an `.h5` is returned unchanged.
    """
    name, nodes, inner = layer.get("class_name"), layer.get("inbound_nodes"), layer.get("config")
    by_keras3 = isinstance(nodes, list) and nodes and isinstance(nodes[0], dict)
    if "module" in layer or not by_keras3 or not isinstance(inner, dict):
        return layer
    # Add, Multiply and others are both layers and operations; only a layer has `trainable`.
    if "trainable" not in inner and name in operations():
        return {**layer, "module": operations()[str(name)], "registered_name": name}
    if hasattr(keras.layers, str(name)):
        return {**layer, "module": "keras.layers", "registered_name": None}
    return layer
