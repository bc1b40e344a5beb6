"""Replace activations without int8 operators by equivalent ones."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from convert.loading.layers import layers_of


def replace(network: Any) -> None:
    """Replace activations without int8 operators; keep the outputs of `network`."""
    for layer in layers_of(network):
        if getattr(getattr(layer, "activation", None), "__name__", "") == "mish":
            layer.activation = mish


def mish(x: Any) -> Any:
    """Return `x tanh(log(1 + exp(x)))`, computed without a logarithm.

    With t = sigmoid(-x) it is `x (1 - t^2) / (1 + t^2)`. The quotient is computed from the inverse
    square root, as tflite-runtime 2.14 has neither logarithm nor division in int8.
    """
    square = tf.square(tf.sigmoid(-x))
    root = tf.math.rsqrt(1 + square)
    return x * (1 - square) * (root * root)
