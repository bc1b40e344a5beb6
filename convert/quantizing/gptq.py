"""Round weights together, so as to preserve a layer's outputs.

Rounded one by one, the errors of a channel's weights add up wherever its inputs rise together, as
neighbouring pixels do. Here the error of each rounded weight is compensated by those not yet
rounded, as far as the inputs' covariance allows: the solution of Frantar et al. 2022 (GPTQ,
arXiv 2210.17323, after Hassibi and Stork's optimal brain surgeon). The inputs' means are left to
the biases (`convert.quantizing.bias_correction`). Scales, sizes and times are those of plain
rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from tensorflow.lite.python import schema_py_generated as schema

from convert.quantizing.layer_errors import Run
from convert.quantizing.tflite_file import OP, constant, kind, packed, store, unpacked, weighted
from edge.records import ByteArray, FloatArray

Doubles = npt.NDArray[np.float64]
#: Pictures that the covariances are estimated from, and positions in each.
PICTURES, POSITIONS = 168, 32
#: Share of the mean variance that is added to each: few pictures do not span all directions.
DAMPING = 0.01
#: Layers whose outputs have more inputs keep plain rounding: work grows with the third power.
MAX_INPUTS = 2304
#: Weights whose errors are passed on together to distant ones: one large product is faster.
_BLOCK = 64
#: Pictures that are processed at a time.
_BATCH = 24


def round_weights(quantized: bytes, exact: bytes, pixels: ByteArray) -> bytes:
    """Return the int8 `.tflite` with the weights of `exact` rounded by GPTQ.

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
        target = constant(source, source.subgraphs[0].tensors[known[name].inputs[1]])
        if plain is None or target is None or plain.dtype != np.int8:
            continue
        scale = _scale(weights.quantization, plain.ndim)
        steps = target / scale
        if np.abs(steps - plain).max() > 1:  # the quantizer did more than round
            continue
        depthwise = kind(model, layer) == OP.DEPTHWISE_CONV_2D
        try:
            rows = compensated(_rows(steps, depthwise, len(covariance)), covariance)
        except np.linalg.LinAlgError:  # inputs that hardly vary: no information
            continue
        store(model, weights, _unrowed(rows, plain.shape, depthwise))
    return packed(model, len(quantized))


def compensated(steps: Doubles, covariance: Doubles) -> Doubles:
    """Round `steps` so that their products with the inputs change least.

    Returns whole numbers from -127 to 127. `steps` are `(groups, rows, inputs)`; `covariance` is
    the inputs', `(groups, inputs, inputs)`.
    """
    size = covariance.shape[-1]
    diagonal = np.einsum("gii->gi", covariance)
    damped = covariance + np.eye(size) * np.maximum(DAMPING * diagonal.mean(), 1e-9)
    order = np.argsort(-diagonal.mean(axis=0))  # the most important first, others compensate
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
    """Return the covariance of each layer's inputs over pictures and positions.

    Their shape is `(groups, inputs, inputs)`; a depthwise layer has a group per channel.
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
    """Return whether the layer is small enough and not a grouped convolution."""
    tensors = model.subgraphs[0].tensors
    used, available = tensors[layer.inputs[1]].shape[-1], tensors[layer.inputs[0]].shape[-1]
    grouped = kind(model, layer) == OP.CONV_2D and used != available
    return not grouped and _inputs(model, layer) <= MAX_INPUTS


def _inputs(model: Any, layer: Any) -> int:
    """Return the number of inputs of each output of the layer."""
    shape = model.subgraphs[0].tensors[layer.inputs[1]].shape
    depthwise = kind(model, layer) == OP.DEPTHWISE_CONV_2D
    return int(np.prod(shape[1:3] if depthwise else shape[1:]))


def _samples(model: Any, layer: Any, values: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return inputs of the layer at some positions: `(groups, positions, n)`."""
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
    view: Any = np.lib.stride_tricks.sliding_window_view  # its types allow only one axis
    windows = view(picture, tuple(reach), axis=(0, 1))[
        :: strides[0], :: strides[1], :, :: options.dilationHFactor, :: options.dilationWFactor
    ]
    height, width = windows.shape[:2]
    positions = rng.choice(height * width, min(POSITIONS, height * width), replace=False)
    # (positions, channels, h, w)
    taken: FloatArray = windows[positions // width, positions % width]
    if kind(model, layer) == OP.DEPTHWISE_CONV_2D:
        return taken.reshape(*taken.shape[:2], -1).swapaxes(0, 1)
    return taken.transpose(0, 2, 3, 1).reshape(1, len(positions), -1)


def _scale(about: Any, dimensions: int) -> Doubles:
    """Return a tensor's scales in a shape that broadcasts over its values."""
    scale = np.asarray(about.scale, np.float64)
    shape = [-1 if axis == about.quantizedDimension else 1 for axis in range(dimensions)]
    return scale.reshape(shape) if scale.size > 1 else scale


def _rows(weights: Doubles, depthwise: bool, groups: int) -> Doubles:
    """Return weights as `(groups, rows, inputs)`."""
    if not depthwise:
        return weights.reshape(1, len(weights), -1)
    return weights.reshape(-1, groups, weights.shape[-1] // groups).transpose(1, 2, 0)


def _unrowed(rows: Doubles, shape: tuple[int, ...], depthwise: bool) -> Doubles:
    """Undo `_rows`."""
    return (rows.transpose(2, 0, 1) if depthwise else rows).reshape(shape)
