"""Variants of networks, and the first and last layers that they share."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

ACTIVATIONS = ("relu", "elu")
HEADS = ("softmax", "linear")
#: Names of the layer with the last weights, which a temperature divides, and of the final softmax.
LOGITS_LAYER, SOFTMAX_LAYER = "expression", "probabilities"


@dataclass(frozen=True)
class Style:
    """A variant of a network.

    `activation`: "relu", or "elu" in its place everywhere. `l2`: kernel regularisation where the
    network's authors use it. `head`: "softmax" for probabilities, "linear" for a hinge loss.
    """

    classes: int = 7
    activation: str = "relu"
    l2: float = 0.0
    head: str = "softmax"

    @property
    def penalty(self) -> keras.regularizers.Regularizer | None:
        """The kernel regulariser; None without one."""
        return keras.regularizers.L2(self.l2) if self.l2 else None


def pixels(side: int, channels: int = 1) -> keras.KerasTensor:
    """Return the input: raw pixels 0..255, float32 `(N, side, side, channels)`."""
    return keras.Input((side, side, channels), name="pixels")


def activate(x: keras.KerasTensor, style: Style) -> keras.KerasTensor:
    """Apply the style's activation as a separate layer."""
    return layers.Activation(style.activation)(x)


def classify(x: keras.KerasTensor, style: Style) -> keras.KerasTensor:
    """Map features `(N, width)` to `(N, classes)`, always in float32.

    The layer with the weights is named `LOGITS_LAYER` and has no activation, so that its kernel and
    bias can be divided by a temperature.
    """
    return finish(layers.Dense(style.classes, name=LOGITS_LAYER, dtype="float32")(x), style)


def finish(logits: keras.KerasTensor, style: Style) -> keras.KerasTensor:
    """Apply the style's head to logits `(N, classes)`."""
    if style.head == "linear":
        return logits
    return layers.Activation("softmax", name=SOFTMAX_LAYER, dtype="float32")(logits)
