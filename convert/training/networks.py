"""Networks to train, by name.

Each takes raw pixels 0..255 and scales them itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import keras
from keras import layers

from convert.loading.layers import layers_of
from convert.training import report_networks
from convert.training.recipe import NETWORKS
from convert.training.style import (
    ACTIVATIONS,
    HEADS,
    LOGITS_LAYER,
    Style,
    activate,
    classify,
    finish,
    pixels,
)
from edge.errors import UsageError, suggest

__all__ = ["BUILDERS", "NETWORKS", "Style", "build", "compact", "macs"]

PLAIN = Style()
#: Channels of the stem, of the three stages, of the last convolution.
Widths = tuple[int, int, int, int, int]
#: Well within 60 million multiply-accumulates and 1 MB in int8.
COMPACT: Widths = (24, 32, 64, 128, 192)
#: As large as 12 million and 150 KB allow: each stage costs about the same.
TINY: Widths = (16, 16, 36, 48, 64)
#: A teacher for both, six times the work of `compact`: too large to ship.
LARGE: Widths = (32, 64, 128, 256, 256)


def compact(
    style: Style = PLAIN, widths: Widths = COMPACT, name: str = "compact", blocks: int = 1
) -> keras.Model:
    """Build a small residual network for 48x48 gray faces.

    A 3x3 stem of `widths[0]` channels, three stages that halve the picture (with `blocks` residual
    blocks each, after He et al. 2016, arXiv 1512.03385), a last 3x3 convolution, global average
    pooling and one Dense. Batch normalisation throughout; only 3x3 convolutions, which lose least
    in int8. The default widths give 712,447 parameters and 50 million multiply-accumulates.
    """
    stem, *stages, head = widths
    inputs = pixels(48)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = _conv(x, stem, style)
    for width in stages:
        x = _conv(x, width, style, strides=2)
        for _ in range(blocks):
            shortcut = x
            x = _conv(x, width, style)
            x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
            x = layers.BatchNormalization()(x)
            x = activate(layers.Add()([x, shortcut]), style)
    x = _conv(x, head, style)
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, classify(x, style), name=name)


def tiny(style: Style) -> keras.Model:
    """Build a narrow `compact`: 150 KB in int8, 12 million multiply-accumulates."""
    return compact(style, TINY, "tiny")


def large(style: Style) -> keras.Model:
    """Build a wide `compact` as a teacher: 4,085,671 parameters.

    It has two residual blocks per stage.
    """
    return compact(style, LARGE, "large", blocks=2)


def mini_xception(style: Style) -> keras.Model:
    """Build mini-XCEPTION for 64x64 pixels: 58,423 parameters.

    It is that of Arriaga et al. 2017, arXiv 1710.07557. Its last weights are a convolution's, whose
    outputs are averaged over the picture: a temperature is folded into that layer, named
    `LOGITS_LAYER`, just as into a Dense.
    """
    inputs = pixels(64)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for _ in range(2):
        x = layers.Conv2D(8, 3, use_bias=False, kernel_regularizer=style.penalty)(x)
        x = activate(layers.BatchNormalization()(x), style)
    for width in (16, 32, 64, 128):
        shortcut = layers.Conv2D(width, 1, strides=2, padding="same", use_bias=False)(x)
        shortcut = layers.BatchNormalization()(shortcut)
        x = layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x)
        x = activate(layers.BatchNormalization()(x), style)
        x = layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        x = layers.Add()([x, shortcut])
    x = layers.Conv2D(style.classes, 3, padding="same", name=LOGITS_LAYER, dtype="float32")(x)
    x = layers.GlobalAveragePooling2D(dtype="float32")(x)
    return keras.Model(inputs, finish(x, style), name="mini-xception")


def _conv(x: keras.KerasTensor, width: int, style: Style, strides: int = 1) -> keras.KerasTensor:
    x = layers.Conv2D(width, 3, strides=strides, padding="same", use_bias=False)(x)
    return activate(layers.BatchNormalization()(x), style)


#: In the order of `NETWORKS`, which can be read without importing Keras.
BUILDERS: Mapping[str, Callable[[Style], keras.Model]] = MappingProxyType(
    {
        "compact": compact,
        "tiny": tiny,
        "large": large,
        "mini-xception": mini_xception,
        "cnn": report_networks.cnn,
        "deep-cnn": report_networks.deep_cnn,
        "small-cnn": report_networks.small_cnn,
        "vgg16": report_networks.vgg16,
        "resnet50": report_networks.resnet50,
    }
)
#: Networks whose authors use kernel regularisation.
REGULARISED = ("cnn", "mini-xception")


def build(name: str, style: Style = PLAIN) -> keras.Model:
    """Build the network `name`, untrained.

    It takes raw pixels 0..255, float32 `(N, side, side, channels)`, 48x48x1 except for
    mini-xception (64x64x1) and resnet50 (48x48x3), and outputs float32 `(N, classes)`. Raises
    `UsageError` for an unknown name or style, or a style that the network does not support.
    """
    if name not in NETWORKS:
        raise UsageError(f"{name}: unknown network; {suggest(name, NETWORKS)}")
    if style.activation not in ACTIVATIONS:
        raise UsageError(f"{style.activation}: activation must be one of {', '.join(ACTIVATIONS)}")
    if style.head not in HEADS:
        raise UsageError(f"{style.head}: head must be one of {', '.join(HEADS)}")
    if style.l2 and name not in REGULARISED:
        raise UsageError(f"{name}: no kernel regularisation; only {', '.join(REGULARISED)} have it")
    return BUILDERS[name](style)


def macs(model: keras.Model) -> int:
    """Return the number of multiply-accumulates of one inference.

    Biases are not counted, and batch normalisation is folded into the weights on a device.
    """
    return sum(_macs(layer) for layer in layers_of(model))


def _macs(layer: keras.layers.Layer) -> int:
    """Count each weight of a kernel once per position of the output."""
    kernels = []
    if isinstance(layer, layers.SeparableConv2D):
        kernels = [layer.depthwise_kernel, layer.pointwise_kernel]
    elif isinstance(layer, layers.Dense | layers.Conv2D | layers.DepthwiseConv2D):
        kernels = [layer.kernel]
    positions = math.prod(layer.output.shape[1:-1])
    return sum(positions * math.prod(kernel.shape) for kernel in kernels)
