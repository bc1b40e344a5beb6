"""Descriptions that Keras 3 wrote into `.h5`, in the words of its own `.keras`.

There arithmetic on tensors (`inputs / 255.0`) stands beside the layers, by its class's name alone,
which Keras does not find again; and what `.keras` says in objects is half put into old words.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

import keras

#: Operations that call a function which they are given.
_CALLING = {"Map", "Scan", "Cond", "WhileLoop", "ForiLoop", "VectorizedMap", "AssociativeScan"}


@functools.cache
def operations() -> dict[str, str]:
    """The module of each arithmetic operation of Keras 3, by the class's name."""
    found = {}
    for part in ("core", "image", "linalg", "math", "nn", "numpy"):
        module = importlib.import_module(f"keras.src.ops.{part}")
        for name, kind in vars(module).items():
            ours = isinstance(kind, type) and kind.__module__ == module.__name__
            if ours and issubclass(kind, keras.Operation) and name not in _CALLING:
                found[name] = module.__name__
    return found


def translated(layer: dict[str, Any]) -> dict[str, Any]:
    """`layer`, an entry of a network's description, with the module where Keras 3 will find it.

    Anything but a layer or an operation of Keras 3 in an `.h5` is handed back as it is.
    """
    name, nodes, inner = layer.get("class_name"), layer.get("inbound_nodes"), layer.get("config")
    by_keras3 = isinstance(nodes, list) and nodes and isinstance(nodes[0], dict)
    if "module" in layer or not by_keras3 or not isinstance(inner, dict):
        return layer
    # Add, Multiply and others are a layer and an operation; a layer says whether it is trained.
    if "trainable" not in inner and name in operations():
        return {**layer, "module": operations()[str(name)], "registered_name": name}
    if hasattr(keras.layers, str(name)):
        return {**layer, "module": "keras.layers", "registered_name": None}
    return layer
