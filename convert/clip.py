"""Narrows the ranges of int8 to where the values are.

One outlier in a million sets a range that the other values pay for with coarse steps. For each
tensor the range is taken whose steps and cut-off ends together cost least, in mean square.
"""

from __future__ import annotations

from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from convert.layers import Run
from edge.records import ByteArray, FloatArray

#: Shares of the full range that are tried.
SHARES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
#: Pictures that the values are taken from, and values of each tensor and picture at most.
PICTURES, VALUES = 48, 4096


def clipped(calibrated: bytes, pixels: ByteArray) -> bytes:
    """The calibrated float `.tflite` with narrower ranges; `pixels` are uint8 `(N, h, w, c)`.

    The input keeps its range, and so do rows of numbers: near the answer the largest value decides.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(calibrated, 0))
    graph = model.subgraphs[0]
    run = Run(calibrated)
    rows = np.linspace(0, len(pixels) - 1, min(PICTURES, len(pixels))).astype(int)
    seen: dict[str, list[FloatArray]] = {}
    for picture in pixels[rows]:
        for name, values in run(picture).items():
            flat = values.ravel()
            seen.setdefault(name, []).append(flat[:: max(1, flat.size // VALUES)])
    for index, tensor in enumerate(graph.tensors):
        about, parts = tensor.quantization, seen.get(tensor.name.decode())
        if (
            index in graph.inputs
            or tensor.shape is None
            or len(tensor.shape) != 4
            or not parts
            or not _known(about)
        ):
            continue
        low, high = _range(np.concatenate(parts), float(about.min[0]), float(about.max[0]))
        about.min, about.max = [low], [high]
    return packed(model, len(calibrated))


def _known(about: Any) -> bool:
    """Whether a tensor has a measured range."""
    return about is not None and about.min is not None and len(about.min) == 1


def packed(model: Any, size: int) -> bytes:
    """A model's objects as the bytes of a `.tflite` of about `size`."""
    builder = flatbuffers.Builder(size)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _range(values: FloatArray, low: float, high: float) -> tuple[float, float]:
    """The share of `low`..`high` that represents `values` best in 256 steps."""

    def cost(share: float) -> float:
        bottom, top = min(low * share, 0.0), max(high * share, 0.0)
        step = max(top - bottom, 1e-9) / 255
        rounded = np.clip(np.rint((values - bottom) / step), 0, 255) * step + bottom
        return float(((rounded - values) ** 2).mean())

    best = min(SHARES, key=cost)
    return low * best, high * best
