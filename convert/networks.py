"""Networks that `convert.train` can train; each takes raw pixels 0..255 and scales them itself."""

from __future__ import annotations

import keras
from keras import layers


def compact(
    widths: tuple[int, int, int, int, int] = (16, 24, 48, 96, 128), classes: int = 7
) -> keras.Model:
    """A small residual network for 48x48 gray faces.

    A 3x3 stem of `widths[0]` channels, three stages that halve the picture (one residual block
    each, after He et al. 2016, arXiv 1512.03385), a last 3x3 convolution, global average pooling
    and a softmax. Batch normalisation and ReLU throughout. The default widths give 387,255
    parameters and 27 million multiply-accumulates.

    Input float32 `(N, 48, 48, 1)`, raw pixels 0..255; output float32 `(N, classes)`, probabilities.
    """
    stem, *stages, head = widths
    x = inputs = keras.Input((48, 48, 1), name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = _conv(x, stem)
    for width in stages:
        x = _conv(x, width, strides=2)
        shortcut = x
        x = _conv(x, width)
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(layers.Add()([x, shortcut]))
    x = _conv(x, head)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x), name="compact")


def _conv(x: keras.KerasTensor, width: int, strides: int = 1) -> keras.KerasTensor:
    x = layers.Conv2D(width, 3, strides=strides, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))
