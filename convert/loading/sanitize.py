"""Refuse descriptions of networks that would execute embedded code.

A description can contain code (a Lambda's byte code, the name of any function of a library), and
building it would execute that code. So a description is built only if it names nothing but Keras's
own layers and arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from edge.errors import RefusedFile

NETWORKS = ("Sequential", "Functional", "Model")
#: Layers that contain another library's program, or read files that they name.
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


def check_safe(config: dict[str, Any], path: object, keras: Any) -> None:
    """Raise `RefusedFile` if a description names more than layers and arithmetic.

    `keras` is the module whose layers are allowed; the error says what else was found.
    """
    for found in objects(config):
        name = str(found["class_name"])
        if reason := _reason(name, found, keras):
            raise RefusedFile(
                f"{path}: {reason}. Building it would execute code from the file, so it is"
                " refused; export the model without it"
            )


def _reason(name: str, found: dict[str, Any], keras: Any) -> str | None:
    """Return why the object `found` is refused; None if it is accepted."""
    inner, module = found.get("config"), found.get("module")
    title = f"{name} '{inner['name']}'" if isinstance(inner, dict) and "name" in inner else name
    reason = None
    if name in ("Lambda", "__lambda__"):
        reason = f"has a Lambda layer ({title})"
    elif name in _FOREIGN:
        reason = f"has a layer that runs or reads something outside the network ({title})"
    elif name == "function":
        known = isinstance(inner, str) and hasattr(keras.activations, inner)
        reason = None if known else f"has a custom function ({inner!r:.60})"
    elif name in ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"):
        function = str(inner.get("function", "")) if isinstance(inner, dict) else ""
        if name == "TensorFlowOpLayer" or not _OPERATIONS.fullmatch(function):
            reason = f"has a raw TensorFlow operation ({title})"
    elif module not in (None, "builtins"):
        registered = str(found.get("registered_name"))
        if not _MODULES.fullmatch(str(module)) or ">" in registered:
            reason = f"has custom code ({module}.{name})"
    # Older descriptions have no modules; there, what has a name is a layer.
    elif isinstance(inner, dict) and "name" in inner and "layers" not in inner:
        known = hasattr(keras.layers, name) or name in NETWORKS
        reason = None if known else f"has a layer that Keras does not know ({title})"
    return reason


def mentions(node: Any, word: str) -> bool:
    """Return whether `word` is anywhere in a description, at any depth."""
    pending = [node]
    while pending:
        here = pending.pop()
        if here == word:
            return True
        if isinstance(here, dict | list):
            pending += here.values() if isinstance(here, dict) else here
    return False


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object that a description names, at any depth."""
    if isinstance(node, dict):
        if "class_name" in node:
            yield node
        for value in node.values():
            yield from objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from objects(value)
