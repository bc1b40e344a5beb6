"""What may differ between networks of one name, and the first and last layers of all of them."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

ACTIVATIONS = ("relu", "elu")
HEADS = ("softmax", "linear")


@dataclass(frozen=True)
class Style:
    """How a network is built.

    `activation`: "relu", or "elu" in its place everywhere. `l2`: kernel regularisation where the
    network's authors have one. `head`: "softmax" for probabilities, "linear" for what a hinge loss
    wants.
    """

    classes: int = 7
    activation: str = "relu"
    l2: float = 0.0
    head: str = "softmax"

    @property
    def penalty(self) -> keras.regularizers.Regularizer | None:
        """The kernel regulariser; None where there is none."""
        return keras.regularizers.L2(self.l2) if self.l2 else None


def pixels(side: int, channels: int = 1) -> keras.KerasTensor:
    """The input: raw pixels 0..255, float32 `(N, side, side, channels)`."""
    return keras.Input((side, side, channels), name="pixels")


def activate(x: keras.KerasTensor, style: Style) -> keras.KerasTensor:
    """The style's activation as a layer of its own."""
    return layers.Activation(style.activation)(x)


def answer(x: keras.KerasTensor, style: Style) -> keras.KerasTensor:
    """Features `(N, width)` to `(N, classes)`, in float32 under any precision policy.

    The layer that weighs them is named "expression" and has no activation, so that its kernel and
    bias can be divided by a temperature.
    """
    return finish(layers.Dense(style.classes, name="expression", dtype="float32")(x), style)


def finish(logits: keras.KerasTensor, style: Style) -> keras.KerasTensor:
    """Logits `(N, classes)` as the style's head wants them."""
    if style.head == "linear":
        return logits
    return layers.Activation("softmax", name="probabilities", dtype="float32")(logits)
