"""Find the layer that keeps the runtimes from opening an int8 file."""

from __future__ import annotations

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from convert.quantizing.layer_errors import layer_name
from convert.quantizing.tflite_file import unpacked, weighted

#: XNNPACK, which computes int8 for the runtimes, refuses a layer whose sums have steps this many
#: times as large as those of what it passes on ("requantization scale ... upper bound").
MAX_RATIO = 256.0


def opens(content: bytes) -> bool:
    """Return whether the runtime can run a `.tflite`."""
    try:
        Interpreter(model_content=content, num_threads=1).allocate_tensors()
    except RuntimeError:
        return False
    return True


def steepest(content: bytes) -> tuple[str, float]:
    """Return the layer whose sums have the largest steps, in steps of what it passes on.

    `content` is an int8 `.tflite`; ("", 0) if no layer computes in int8.
    """
    model = unpacked(content)
    tensors = model.subgraphs[0].tensors
    ratios = {"": 0.0}
    for name, layer in weighted(model).items():
        source, weights, target = (
            tensors[index].quantization for index in (*layer.inputs[:2], layer.outputs[0])
        )
        if all(each is not None and each.scale is not None for each in (source, weights, target)):
            sums = source.scale[0] * np.max(weights.scale)
            ratios[layer_name(name)] = float(sums / target.scale[0])
    name = max(ratios, key=ratios.__getitem__)
    return name, ratios[name]
