"""Translate Keras 1's descriptions and Theano's kernels to Keras 2."""

from __future__ import annotations

from typing import Any

import numpy as np

from convert.loading.layers import layers_of

_CLASSES = {
    "Convolution2D": "Conv2D",
    "SeparableConvolution2D": "SeparableConv2D",
    "Deconvolution2D": "Conv2DTranspose",
}
_KEYWORDS = {
    "nb_filter": "filters",
    "subsample": "strides",
    "border_mode": "padding",
    "bias": "use_bias",
    "output_dim": "units",
    "atrous_rate": "dilation_rate",
    "p": "rate",
    "sigma": "stddev",
}
_ORDERINGS = {"tf": "channels_last", "th": "channels_first", "default": None}
#: Without effect on inference: initial values, regularisation, hints for the old compiler.
_DROPPED = {
    "init", "input_dtype", "input_length", "input_dim", "weights", "legacy", "mode",
    "W_regularizer", "b_regularizer", "W_constraint", "b_constraint", "W_learning_rate_multiplier",
    "b_learning_rate_multiplier", "gamma_init", "beta_init", "gamma_regularizer",
    "beta_regularizer", "depthwise_regularizer", "pointwise_regularizer", "depthwise_constraint",
    "pointwise_constraint", "cache_enabled", "custom_name",
}  # fmt: skip
_MERGES = {
    "sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate",
}  # fmt: skip
#: Layers whose first weights are kernels `(height, width, ...)`; Theano supported no others.
_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose")


def rotate_kernels(network: Any) -> None:
    """Rotate kernels trained with Theano by 180 degrees.

    Theano convolves where other backends correlate; Keras up to 2.3 rotated the kernels on loading
    (`keras.utils.conv_utils.convert_kernel`).
    """
    for layer in layers_of(network):
        if type(layer).__name__ in _CONVOLUTIONS:
            kernel, *rest = layer.get_weights()
            layer.set_weights([np.flip(kernel, tuple(range(kernel.ndim - 2))), *rest])


def translated(config: dict[str, Any]) -> dict[str, Any]:
    """Return `config` with each Keras 1 layer described as in Keras 2."""
    inner = config["config"]
    if isinstance(inner, list):
        return {**config, "config": [_layer(layer) for layer in inner]}
    if isinstance(inner, dict) and isinstance(inner.get("layers"), list):
        return {**config, "config": {**inner, "layers": [_layer(x) for x in inner["layers"]]}}
    return config


def _layer(layer: Any) -> Any:
    if not isinstance(layer, dict) or not isinstance(layer.get("config"), dict):
        return layer
    name, old = str(layer.get("class_name")), layer["config"]
    if not _is_old(name, old):
        return layer
    new = {_KEYWORDS.get(key, key): value for key, value in old.items() if key not in _DROPPED}
    if "nb_row" in new:
        new["kernel_size"] = [new.pop("nb_row"), new.pop("nb_col")]
    ordering = new.pop("dim_ordering", None)
    if _ORDERINGS.get(str(ordering)):
        new["data_format"] = _ORDERINGS[str(ordering)]
    if name == "Merge":
        mode, axis = str(new.pop("mode", old.get("mode"))), new.pop("concat_axis", -1)
        name = _MERGES.get(mode, name)
        new = {"name": new["name"], **({"axis": axis} if name == "Concatenate" else {})}
    return {**layer, "class_name": _CLASSES.get(name, name), "config": new}


def _is_old(name: str, config: dict[str, Any]) -> bool:
    return (
        name in _CLASSES
        or name == "Merge"
        or not {"nb_filter", "border_mode", "output_dim", "dim_ordering", "p", "sigma"}.isdisjoint(
            config
        )
        or (name == "BatchNormalization" and "mode" in config)
    )
