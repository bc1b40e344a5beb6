"""Networks of a student's report on this task, and two well-known ones it tried.

All take 48x48 faces of raw pixels 0..255. The report normalised outside the network; here each
starts with a Rescaling to -1..1, which has no parameters. Convolutions are 3x3.
"""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers

from convert.training.style import Style, activate, classify, pixels
from edge.errors import RefusedFile, first_line

SIDE = 48
#: Units of a classifier's hidden layer where its authors do not specify them.
HIDDEN = 512
#: Mean blue, green and red of ImageNet's photographs, which ResNet50's published weights expect to
#: be subtracted (keras.applications.imagenet_utils, mode "caffe").
IMAGENET_MEAN = (103.939, 116.779, 123.68)


def cnn(style: Style) -> keras.Model:
    """Build four convolutions and a Dense of 1024: 32,116,743 parameters."""
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
    return keras.Model(inputs, classify(x, style), name="cnn")


def deep_cnn(style: Style) -> keras.Model:
    """Build ten convolutions and two Dense of 1024: 3,623,239 parameters."""
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
    return keras.Model(inputs, classify(x, style), name="deep-cnn")


def small_cnn(style: Style) -> keras.Model:
    """Build six valid convolutions; the report does not specify the dense head."""
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
    """Build VGG16's 13 convolutions and a dense head.

    Simonyan and Zisserman 2015, arXiv 1409.1556.
    """
    inputs = pixels(SIDE)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            x = layers.Conv2D(width, 3, padding="same", activation=style.activation)(x)
        x = layers.MaxPooling2D()(x)
    return keras.Model(inputs, _dense_head(x, style), name="vgg16")


def resnet50(style: Style, weights: Path | None = None) -> keras.Model:
    """Build ResNet50, a Flatten and a Dense (He et al. 2016, arXiv 1512.03385).

    It takes `(N, 48, 48, 3)`, the gray picture in each channel. `weights` is the file of ImageNet
    weights that Keras publishes, without the top; None for random weights. Raises `RefusedFile` if
    the file does not fit.
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
    # The three channels are equal, so their order does not matter.
    x = layers.Rescaling(1.0, offset=[-mean for mean in IMAGENET_MEAN])(inputs)
    x = layers.Flatten()(body(x))
    return keras.Model(inputs, classify(x, style), name="resnet50")


def _dense_head(x: keras.KerasTensor, style: Style) -> keras.KerasTensor:
    x = layers.Dense(HIDDEN, activation=style.activation)(layers.Flatten()(x))
    return classify(layers.Dropout(0.5)(x), style)


def _with_activation(body: keras.Model, activation: str) -> keras.Model:
    """Return `body` with `activation` in place of every ReLU, and the same weights."""

    def copied(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if config.get("activation") == "relu":
            config["activation"] = activation
        return layer.__class__.from_config(config)

    made = keras.models.clone_model(body, clone_function=copied)
    made.set_weights(body.get_weights())
    return made
