"""How large and how costly a `.tflite` is, by its operators."""

from __future__ import annotations

import math
from collections.abc import Iterator

from convert.quantizing.tflite_file import unpacked, weighted


def macs(content: bytes) -> int:
    """Multiply-accumulates of one inference: each weight, once for every place of the output.

    The same figure as `convert.training.networks.macs` gives for the network it was made from.
    """
    return sum(
        math.prod(given[1:-1]) * math.prod(shapes[0]) for given, shapes in _weighted(content)
    )


def parameters(content: bytes) -> int:
    """Weights and biases: the network's parameters, batch normalisation folded into them."""
    return sum(math.prod(shape) for _, shapes in _weighted(content) for shape in shapes)


def _weighted(content: bytes) -> Iterator[tuple[list[int], list[list[int]]]]:
    """Of each operator with weights: the shape of its output, and of its weights and bias."""
    model = unpacked(content)
    tensors = model.subgraphs[0].tensors
    for operator in weighted(model).values():
        constants = [tensors[place] for place in operator.inputs[1:] if place >= 0]
        given = [int(size) for size in tensors[operator.outputs[0]].shape]
        yield given, [[int(size) for size in tensor.shape] for tensor in constants]
