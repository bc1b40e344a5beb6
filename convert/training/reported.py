"""Networks of a student's report on this task, and two well-known ones that it tried.

All take 48x48 faces of raw pixels 0..255. The report normalised outside the network; here a
Rescaling to -1..1 stands in front of each, which has no parameters. Convolutions are 3x3.
"""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers

from convert.training.style import Style, activate, answer, pixels
from edge.errors import RefusedFile, first_line

SIDE = 48
#: What a classifier's hidden layer has where its authors leave it open.
HIDDEN = 512
#: Mean blue, green and red of ImageNet's photographs, which ResNet50's published weights expect
#: to be taken off (keras.applications.imagenet_utils, mode "caffe").
IMAGENET_MEAN = (103.939, 116.779, 123.68)


def cnn(style: Style) -> keras.Model:
    """Four convolutions and a Dense of 1024 on 30,976 features: 32,116,743 parameters."""
    inputs = pixels(SIDE)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.Conv2D(32, 3, padding="same", activation=style.activation)(x)
    x = layers.Conv2D(64, 3, padding="same", activation=style.activation)(x)
    x = layers.MaxPooling2D()(layers.BatchNormalization()(x))
    x = layers.Dropout(0.25)(x)
    for width, padding in ((128, "same"), (256, "valid")):
        x = layers.Conv2D(
            width, 3, padding=padding, activation=style.activation, kernel_regularizer=style.penalty
        )(x)
    x = layers.MaxPooling2D()(layers.BatchNormalization()(x))
    x = layers.Flatten()(layers.Dropout(0.25)(x))
    x = layers.Dropout(0.5)(layers.Dense(1024, activation=style.activation)(x))
    return keras.Model(inputs, answer(x, style), name="cnn")


def deep_cnn(style: Style) -> keras.Model:
    """Ten convolutions, all valid, and two Dense of 1024: 3,623,239 parameters."""
    inputs = pixels(SIDE)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for width, plain, dropout in ((64, 2, 0.5), (128, 2, 0.0), (256, 0, 0.0)):
        for _ in range(2):
            x = layers.BatchNormalization()(layers.Conv2D(width, 3)(x))
            x = activate(x, style)
        if dropout:
            x = layers.Dropout(dropout)(x)
        for _ in range(plain):
            x = layers.Conv2D(width, 3, activation=style.activation)(x)
        if plain:
            x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dropout(0.2)(layers.Dense(1024, activation=style.activation)(x))
    return keras.Model(inputs, answer(x, style), name="deep-cnn")


def small_cnn(style: Style) -> keras.Model:
    """Six convolutions, all valid; the report leaves the dense head open."""
    inputs = pixels(SIDE)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for width, dropout in ((64, 0.5), (64, 0.5), (128, 0.0)):
        for _ in range(2):
            x = layers.Conv2D(width, 3, activation=style.activation)(x)
        x = layers.MaxPooling2D()(x)
        if dropout:
            x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, _dense_head(x, style), name="small-cnn")


def vgg16(style: Style) -> keras.Model:
    """The thirteen convolutions of VGG16 (Simonyan and Zisserman 2015, arXiv 1409.1556)."""
    inputs = pixels(SIDE)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            x = layers.Conv2D(width, 3, padding="same", activation=style.activation)(x)
        x = layers.MaxPooling2D()(x)
    return keras.Model(inputs, _dense_head(x, style), name="vgg16")


def resnet50(style: Style, weights: Path | None = None) -> keras.Model:
    """keras.applications.ResNet50 (He et al. 2016, arXiv 1512.03385), Flatten, Dense.

    Takes `(N, 48, 48, 3)`, a gray picture three times. `weights`: a file of ImageNet's as Keras
    publishes it, without the top; random where there is none. Raises `RefusedFile` where the file
    does not fit.
    """
    inputs = pixels(SIDE, 3)
    try:
        body = keras.applications.ResNet50(
            include_top=False, weights=weights and str(weights), input_shape=(SIDE, SIDE, 3)
        )
    except (OSError, ValueError, KeyError) as error:
        raise RefusedFile(f"{weights}: not ResNet50's weights ({first_line(error)})") from error
    if style.activation != "relu":
        body = _with_activation(body, style.activation)
    # The three channels are alike, so that blue before red is of no matter.
    x = layers.Rescaling(1.0, offset=[-mean for mean in IMAGENET_MEAN])(inputs)
    x = layers.Flatten()(body(x))
    return keras.Model(inputs, answer(x, style), name="resnet50")


def _dense_head(x: keras.KerasTensor, style: Style) -> keras.KerasTensor:
    x = layers.Dense(HIDDEN, activation=style.activation)(layers.Flatten()(x))
    return answer(layers.Dropout(0.5)(x), style)


def _with_activation(body: keras.Model, activation: str) -> keras.Model:
    """`body`, its weights kept, with `activation` in place of every ReLU."""

    def copied(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if config.get("activation") == "relu":
            config["activation"] = activation
        return layer.__class__.from_config(config)

    made = keras.models.clone_model(body, clone_function=copied)
    made.set_weights(body.get_weights())
    return made
