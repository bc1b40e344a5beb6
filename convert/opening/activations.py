"""Activations that int8 has no operators for, in terms that it has."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from convert.opening.layers import layers_of


def replace(network: Any) -> None:
    """Let the layers of `network` that use such an activation use ours; answers stay the same."""
    for layer in layers_of(network):
        if getattr(getattr(layer, "activation", None), "__name__", "") == "mish":
            layer.activation = mish


def mish(x: Any) -> Any:
    """`x tanh(log(1 + exp(x)))`, without the logarithm: tflite-runtime 2.14 has none in int8.

    With t = sigmoid(-x) it is `x (1 - t^2) / (1 + t^2)`. The quotient goes by way of the inverse
    root, which that runtime has in int8, as it has no division.
    """
    square = tf.square(tf.sigmoid(-x))
    root = tf.math.rsqrt(1 + square)
    return x * (1 - square) * (root * root)
