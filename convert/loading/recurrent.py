"""Unroll recurrent layers over short sequences of a face's features.

TensorFlow's converter crashes on the loops of some; unrolled, they are plain arithmetic.
"""

from __future__ import annotations

from typing import Any

from convert.loading.layers import layers_of
from edge.errors import RefusedFile

#: Layers that can be unrolled, and those that tf-keras cannot.
_UNROLLED = {"RNN", "SimpleRNN", "LSTM", "GRU"}
_LOOPS = {"ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
#: Every step adds its operators to the file; the rows of a usual picture are fewer.
MAX_STEPS = 64


def has_loops(network: Any) -> bool:
    """Return whether there are recurrent layers, all of which `unrolled` can unroll.

    Raises `RefusedFile` if it has one that cannot be.
    """
    found = [layer for layer in layers_of(network) if _cell(layer) in _UNROLLED | _LOOPS]
    for layer in found:
        shape = layer.input.shape
        if _cell(layer) in _LOOPS or shape[1] is None or shape[1] > MAX_STEPS:
            raise RefusedFile(
                f"has a recurrent layer ({type(layer).__name__} '{layer.name}') that cannot be"
                f" unrolled: required is a fixed sequence of at most {MAX_STEPS} steps"
            )
    return bool(found)


def unrolled(node: Any) -> Any:
    """Return a network's description with its recurrent layers unrolled."""
    if isinstance(node, list):
        return [unrolled(value) for value in node]
    if not isinstance(node, dict):
        return node
    made = {key: unrolled(value) for key, value in node.items()}
    if made.get("class_name") in _UNROLLED and isinstance(made.get("config"), dict):
        made["config"] = {**made["config"], "unroll": True}
    return made


def _cell(layer: Any) -> str:
    """Return the kind of a layer; of Bidirectional, that of the layer inside."""
    inner = getattr(layer, "forward_layer", layer)
    return type(inner).__name__
