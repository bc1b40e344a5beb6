"""The size and cost of a `.tflite`, from its operators."""

from __future__ import annotations

import math
from collections.abc import Iterator

from convert.quantizing.tflite_file import unpacked, weighted


def macs(content: bytes) -> int:
    """Return the multiply-accumulates of one inference: each weight, once per output position.

    `convert.training.networks.macs` returns the same for the network that it was made from.
    """
    return sum(
        math.prod(given[1:-1]) * math.prod(shapes[0]) for given, shapes in _weighted(content)
    )


def parameters(content: bytes) -> int:
    """Return the number of weights and biases, with batch normalisation folded into them."""
    return sum(math.prod(shape) for _, shapes in _weighted(content) for shape in shapes)


def _weighted(content: bytes) -> Iterator[tuple[list[int], list[list[int]]]]:
    """Yield the shapes of output, weights and bias of each operator with weights."""
    model = unpacked(content)
    tensors = model.subgraphs[0].tensors
    for operator in weighted(model).values():
        constants = [tensors[place] for place in operator.inputs[1:] if place >= 0]
        given = [int(size) for size in tensors[operator.outputs[0]].shape]
        yield given, [[int(size) for size in tensor.shape] for tensor in constants]
