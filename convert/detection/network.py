"""The detector's network: plain convolutions where pictures are large, separable ones behind.

Three levels (strides 8, 16 and 32), each with features of the coarser ones added. It is
fully convolutional: any height and width that 32 divides. Doubling is a DEPTH_TO_SPACE of four
copies, because that operator follows when an interpreter resizes its input; RESIZE does not.
"""

from __future__ import annotations

from typing import Any

import keras

from convert.detection.targets import LEVELS
from convert.training.fused_batchnorm import FusedBatchNormalization

#: Pixels p enter as (p - 128) / 127.5: so int8's zero is a pixel of 128, and a convolution's own
#: padding looks like gray beside a picture.
ZERO_PIXEL, PIXEL_SCALE = 128.0, 127.5
#: Rare faces among many cells: the first answers say "no" (Lin et al. 2017, arXiv 1708.02002).
_FIRST_SCORE = -4.6
layers = keras.layers


def build() -> keras.Model:
    """Return the network with fresh weights.

    Input `(n, h, w, 1)`, scaled as above; six outputs, for each level its scores `(n, h / stride,
    w / stride, 2)`, logits of face and frontal, and its boxes `(..., 4)`: dx, dy in strides from
    the cell's centre, then log(width / base), log(height / base).
    """
    given = layers.Input((None, None, 1))
    x = _conv(_conv(given, 16, 2), 32, 2)
    x = _conv(_residual(x, _separable), 48, 2)
    fine = _residual(x, _conv)
    x = _conv(fine, 64, 2)
    middle = _residual(_residual(x, _separable), _separable)
    x = _separable(middle, 96, 2)
    coarse = _conv(_residual(x, _separable), 64, 1, 1)
    middle = _separable(_merged(middle, coarse), 64)
    fine = _conv(_merged(fine, middle), 48)
    outputs = []
    for level, features in zip(LEVELS, (fine, middle, _separable(coarse, 64)), strict=True):
        first = keras.initializers.Constant([_FIRST_SCORE, 0.0])
        for name, size, bias in (("score", 2, first), ("box", 4, "zeros")):
            head = layers.Conv2D(
                size, 1, bias_initializer=bias, dtype="float32", name=f"{name}{level.stride}"
            )
            outputs.append(head(features))
    return keras.Model(given, outputs)


def _conv(x: Any, channels: int, stride: int = 1, kernel: int = 3, relu: bool = True) -> Any:
    x = layers.Conv2D(channels, kernel, strides=stride, padding="same", use_bias=False)(x)
    x = FusedBatchNormalization(momentum=0.99)(x)
    return layers.ReLU()(x) if relu else x


def _separable(x: Any, channels: int, stride: int = 1) -> Any:
    x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
    x = layers.ReLU()(FusedBatchNormalization(momentum=0.99)(x))
    return _conv(x, channels, 1, 1)


def _residual(x: Any, block: Any) -> Any:
    return layers.Add()([x, block(x, x.shape[-1])])


def _merged(fine: Any, coarse: Any) -> Any:
    """Return `fine` with the features of `coarse`, which has half its size, added."""
    channels = fine.shape[-1]
    coarse = _conv(coarse, channels, 1, 1, relu=False)
    doubled = Doubled()(coarse)
    return layers.ReLU()(layers.Add()([_conv(fine, channels, 1, 1, relu=False), doubled]))


class Doubled(keras.layers.Layer):  # type: ignore[misc]
    """Each pixel of `(n, h, w, c)` four times: `(n, 2h, 2w, c)`."""

    def call(self, inputs: Any) -> Any:
        """Put four copies side by side in depth, then depth into space."""
        import tensorflow as tf  # noqa: PLC0415 (only the trainer has it)

        return tf.nn.depth_to_space(tf.concat([inputs] * 4, axis=-1), 2)
