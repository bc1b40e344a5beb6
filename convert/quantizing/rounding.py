"""Rounds weights so that a layer's answers stay, not each weight.

Rounded one by one, the errors of a channel's weights add up wherever its inputs rise together, as
neighbouring pixels do. Here each weight, once rounded, has its error made good by those not yet
rounded, as far as the inputs' covariance lets them: the solution of Frantar et al. 2022 (GPTQ,
arXiv 2210.17323, after Hassibi and Stork's optimal brain surgeon). The inputs' means are left to
the biases (`convert.quantizing.bias`). Scales, sizes and times are those of plain rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from tensorflow.lite.python import schema_py_generated as schema

from convert.quantizing.layers import Run
from convert.quantizing.tflite_file import OP, constant, kind, packed, store, unpacked, weighted
from edge.records import ByteArray, FloatArray

Doubles = npt.NDArray[np.float64]
#: Pictures that the covariances are taken from, and places in each.
PICTURES, PLACES = 168, 32
#: Share of the mean variance that is added to each: few pictures do not know all directions.
DAMPING = 0.01
#: Layers whose outputs have more inputs keep plain rounding: work grows with the third power.
MOST_INPUTS = 2304
#: Weights whose errors are passed on to the far ones at once: one large product is quicker.
_BLOCK = 64
#: Pictures that are taken in at a time.
_BATCH = 24


def rounded(quantized: bytes, exact: bytes, pixels: ByteArray) -> bytes:
    """The int8 `.tflite` with other roundings of the weights of `exact`, which it was made from.

    `exact` is a float `.tflite`, `pixels` uint8 `(N, h, w, c)`.
    """
    model, source = unpacked(quantized), unpacked(exact)
    known = weighted(source)
    layers = {name: layer for name, layer in weighted(model).items() if name in known}
    chosen = {name: known[name] for name in layers if _feasible(source, known[name])}
    for name, covariance in _covariances(exact, source, chosen, pixels).items():
        layer = layers[name]
        weights = model.subgraphs[0].tensors[layer.inputs[1]]
        plain = constant(model, weights)
        wanted = constant(source, source.subgraphs[0].tensors[known[name].inputs[1]])
        if plain is None or wanted is None or plain.dtype != np.int8:
            continue
        scale = _spread(weights.quantization, plain.ndim)
        steps = wanted / scale
        if np.abs(steps - plain).max() > 1:  # the quantizer changed more than roundings
            continue
        deep = kind(model, layer) == OP.DEPTHWISE_CONV_2D
        try:
            rows = compensated(_rows(steps, deep, len(covariance)), covariance)
        except np.linalg.LinAlgError:  # inputs that hardly vary: nothing to go by
            continue
        store(model, weights, _unrowed(rows, plain.shape, deep))
    return packed(model, len(quantized))


def compensated(steps: Doubles, covariance: Doubles) -> Doubles:
    """Whole numbers -127..127 near `steps` `(groups, rows, inputs)`, whose products with the inputs
    vary as those of `steps` do; `covariance` is the inputs', `(groups, inputs, inputs)`.
    """
    size = covariance.shape[-1]
    diagonal = np.einsum("gii->gi", covariance)
    damped = covariance + np.eye(size) * np.maximum(DAMPING * diagonal.mean(), 1e-9)
    order = np.argsort(-diagonal.mean(axis=0))  # what counts most goes first, others make it good
    inverse = np.linalg.inv(damped[:, order][:, :, order])
    upper = np.linalg.cholesky(inverse).swapaxes(1, 2)
    left = steps[:, :, order].astype(np.float64)
    for start in range(0, size, _BLOCK):
        stop = min(start + _BLOCK, size)
        errors = np.zeros((*left.shape[:2], stop - start))
        for index in range(start, stop):
            whole = np.clip(np.rint(left[:, :, index]), -127, 127)
            error = (left[:, :, index] - whole) / upper[:, index, index, None]
            left[:, :, index] = whole
            left[:, :, index + 1 : stop] -= (
                error[:, :, None] * upper[:, None, index, index + 1 : stop]
            )
            errors[:, :, index - start] = error
        left[:, :, stop:] -= errors @ upper[:, start:stop, stop:]
    return np.asarray(left[:, :, np.argsort(order)])


def _covariances(
    exact: bytes, model: Any, layers: dict[str, Any], pixels: ByteArray
) -> dict[str, Doubles]:
    """Of each layer's inputs, `(groups, inputs, inputs)`; a depthwise layer has a group a channel.

    Means are over pictures and places.
    """
    run, tensors = Run(exact), model.subgraphs[0].tensors
    some = pixels[:: max(1, len(pixels) // PICTURES)]
    rng = np.random.default_rng(0)
    count: dict[str, int] = {}
    sums: dict[str, Doubles] = {}
    squares: dict[str, FloatArray] = {}
    for start in range(0, len(some), _BATCH):
        seen: dict[str, list[FloatArray]] = {name: [] for name in layers}
        for picture in some[start : start + _BATCH]:
            values = run(picture)
            for name, layer in layers.items():
                source = values.get(tensors[layer.inputs[0]].name.decode())
                if source is not None:
                    seen[name].append(_samples(model, layer, source, rng))
        for name, parts in seen.items():
            if parts:
                taken = np.concatenate(parts, axis=1)
                count[name] = count.get(name, 0) + taken.shape[1]
                sums[name] = sums.get(name, 0) + taken.sum(axis=1, dtype=np.float64)
                squares[name] = squares.get(name, 0) + taken.swapaxes(1, 2) @ taken
    means = {name: total / count[name] for name, total in sums.items()}
    return {
        name: squares[name] / count[name] - mean[:, :, None] * mean[:, None, :]
        for name, mean in means.items()
    }


def _feasible(model: Any, layer: Any) -> bool:
    """Whether the layer is small enough, and each of its outputs sees all channels or one."""
    tensors = model.subgraphs[0].tensors
    seen, there = tensors[layer.inputs[1]].shape[-1], tensors[layer.inputs[0]].shape[-1]
    grouped = kind(model, layer) == OP.CONV_2D and seen != there
    return not grouped and _inputs(model, layer) <= MOST_INPUTS


def _inputs(model: Any, layer: Any) -> int:
    """How many inputs an output of the layer has."""
    shape = model.subgraphs[0].tensors[layer.inputs[1]].shape
    deep = kind(model, layer) == OP.DEPTHWISE_CONV_2D
    return int(np.prod(shape[1:3] if deep else shape[1:]))


def _samples(model: Any, layer: Any, values: FloatArray, rng: np.random.Generator) -> FloatArray:
    """What the layer's outputs are made from at some places: `(groups, places, inputs)`."""
    shape = model.subgraphs[0].tensors[layer.inputs[1]].shape
    if kind(model, layer) == OP.FULLY_CONNECTED:
        return values.reshape(1, -1, shape[1])
    options = layer.builtinOptions
    reach = [
        (shape[1] - 1) * options.dilationHFactor + 1,
        (shape[2] - 1) * options.dilationWFactor + 1,
    ]
    strides = [options.strideH, options.strideW]
    picture = values[0]
    if options.padding == schema.Padding.SAME:
        missing = [
            max(0, (-(-length // stride) - 1) * stride + size - length)
            for length, stride, size in zip(picture.shape, strides, reach, strict=False)
        ]
        picture = np.pad(picture, [*((n // 2, n - n // 2) for n in missing), (0, 0)])
    view: Any = np.lib.stride_tricks.sliding_window_view  # typed for one axis
    windows = view(picture, tuple(reach), axis=(0, 1))[
        :: strides[0], :: strides[1], :, :: options.dilationHFactor, :: options.dilationWFactor
    ]
    height, width = windows.shape[:2]
    places = rng.choice(height * width, min(PLACES, height * width), replace=False)
    # (places, channels, h, w)
    taken: FloatArray = windows[places // width, places % width]
    if kind(model, layer) == OP.DEPTHWISE_CONV_2D:
        return taken.reshape(*taken.shape[:2], -1).swapaxes(0, 1)
    return taken.transpose(0, 2, 3, 1).reshape(1, len(places), -1)


def _spread(about: Any, dimensions: int) -> Doubles:
    """A tensor's scales in a shape that spreads over its values."""
    scale = np.asarray(about.scale, np.float64)
    shape = [-1 if axis == about.quantizedDimension else 1 for axis in range(dimensions)]
    return scale.reshape(shape) if scale.size > 1 else scale


def _rows(weights: Doubles, deep: bool, groups: int) -> Doubles:
    """Weights as `(groups, rows, inputs)`."""
    if not deep:
        return weights.reshape(1, len(weights), -1)
    return weights.reshape(-1, groups, weights.shape[-1] // groups).transpose(1, 2, 0)


def _unrowed(rows: Doubles, shape: tuple[int, ...], deep: bool) -> Doubles:
    """`_rows` taken back."""
    return (rows.transpose(2, 0, 1) if deep else rows).reshape(shape)
