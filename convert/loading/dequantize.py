"""Read files that Keras quantized itself (`model.quantize("int8")` and the like) as float.

Keras quantizes the weights of Dense and EinsumDense, and rounds what enters them face by face,
which TFLite cannot. So the weights are read back as float; what Keras rounded away remains lost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from convert.loading.sanitize import objects
from edge.errors import RefusedFile
from edge.records import FloatArray


def is_quantized(config: dict[str, Any]) -> bool:
    """Return whether a network's description has layers that Keras quantized."""
    names = {str(found["class_name"]) for found in objects(config)}
    return any(name.endswith("DTypePolicy") for name in names - {"DTypePolicy", "FloatDTypePolicy"})


def copy_weights(quantized: Any, network: Any) -> None:
    """Give `network` the weights of its quantized twin, as float.

    Raises `RefusedFile` for a quantized layer that is neither Dense nor EinsumDense.
    """
    # Attention has layers inside layers: `layers_of` does not go into those.
    pairs = (each._flatten_layers(include_self=False) for each in (quantized, network))
    for source, target in zip(*pairs, strict=True):
        if getattr(source, "quantization_mode", None):
            target.kernel.assign(_kernel(source, target.kernel.shape))
            if target.bias is not None:
                target.bias.assign(source.bias)
        elif not source._layers:
            target.set_weights(source.get_weights())


def _kernel(layer: Any, shape: tuple[int, ...]) -> FloatArray:
    """Return a quantized layer's float kernel, whatever the mode it was quantized in.

    A linear layer's answer to an input of one 1 and zeros, which Keras rounds to itself, is a row
    of its kernel.
    """
    kind = type(layer).__name__
    if kind not in ("Dense", "EinsumDense"):
        raise RefusedFile(f"has a layer that Keras quantized ({kind} '{layer.name}')")
    equation = layer.equation if kind == "EinsumDense" else "ab,bc->ac"
    taken, _, given = equation.partition("->")
    taken, _, inner = taken.partition(",")
    sizes = dict(zip(inner, shape, strict=True))
    summed = [letter for letter in taken if letter in inner and letter not in given]
    free = [letter for letter in given if letter in inner]
    if set(summed + free) != set(inner) or set(free) & set(taken):
        raise RefusedFile(f"has a layer that Keras quantized ({kind} '{layer.name}')")
    count = int(np.prod([sizes[letter] for letter in summed]))
    ones = np.eye(count, dtype=np.float32)
    others = (sizes[letter] if letter in summed else 1 for letter in taken[1:])
    ones = ones.reshape(count, *others)
    layer.activation = None
    rows = np.asarray(layer(ones)) - np.asarray(layer(np.zeros_like(ones)))  # less the bias
    split = rows.reshape([sizes[letter] for letter in summed + free])
    return np.asarray(split.transpose([(summed + free).index(letter) for letter in inner]))
