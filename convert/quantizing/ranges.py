"""Adjust measured ranges: widen them, and align quantization steps.

Where a BatchNormalization follows a ReLU, its offsets (one per channel) remain as a sum. A ReLU
outputs mostly zeros, and each of them becomes its channel's offset, rounded: an error that all
these values share and that does not average out. If sum and summand have equal steps, int8 adds
whole steps: the sum is exact but for a constant per channel, which the next bias absorbs.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from convert.quantizing.tflite_file import OP, constant, kind, measured_range, packed, unpacked


def aligned(calibrated: bytes) -> bytes:
    """Return the calibrated `.tflite` with equal steps around constant sums."""
    model = unpacked(calibrated)
    graph = model.subgraphs[0]
    uses = Counter(source for operator in graph.operators for source in operator.inputs)
    maker = {out: operator for operator in graph.operators for out in operator.outputs}
    for operator in graph.operators:
        chain = [operator.outputs[0]]
        summand = _varying(model, operator) if kind(model, operator) == OP.ADD else None
        # The input's steps are the pixels'; a tensor with other uses keeps its own steps.
        while summand is not None and uses[summand] == 1 and summand not in graph.inputs:
            chain.append(summand)
            before = maker.get(summand)
            summand = _varying(model, before) if _keeps_steps(model, before) else None
        if len(chain) > 1:
            _widen([graph.tensors[index] for index in chain])
    return packed(model, len(calibrated))


def widened(calibrated: bytes, factor: float) -> bytes:
    """Return the calibrated float `.tflite` with inner ranges `factor` times as wide.

    This allows for values beyond those seen in calibration, which int8 would clip.
    """
    model = unpacked(calibrated)
    graph = model.subgraphs[0]
    ends = {*graph.inputs, *graph.outputs}
    for index, tensor in enumerate(graph.tensors):
        found = measured_range(tensor)
        if index not in ends and found is not None and constant(model, tensor) is None:
            tensor.quantization.min, tensor.quantization.max = [[factor * x] for x in found]
    return packed(model, len(calibrated))


def _varying(model: Any, operator: Any) -> int | None:
    """Return the one input that is not constant; None where there are several."""
    tensors = model.subgraphs[0].tensors
    found = [i for i in operator.inputs if constant(model, tensors[i]) is None]
    return found[0] if len(found) == 1 else None


def _keeps_steps(model: Any, operator: Any) -> bool:
    """Return whether an operator only selects values or changes signs."""
    if operator is None or kind(model, operator) not in {OP.MAX_POOL_2D, OP.MUL}:
        return False
    tensors = model.subgraphs[0].tensors
    factors = [constant(model, tensors[i]) for i in operator.inputs]
    return all(values is None or bool((np.abs(values) == 1).all()) for values in factors)


def _widen(tensors: list[Any]) -> None:
    """Raise the upper ends so that all ranges are as wide as the widest."""
    ranges = [measured_range(tensor) for tensor in tensors]
    known = [found for found in ranges if found is not None]
    if len(known) < len(tensors):
        return
    width = max(high - low for low, high in known)
    for tensor, (low, _) in zip(tensors, known, strict=True):
        tensor.quantization.min, tensor.quantization.max = [low], [low + width]
