"""Batch normalisation in one operation of TensorFlow's while a network is trained, or teaches.

Keras composes it of a dozen, each of which walks through memory: with the fused one an epoch of
`large` takes three fifths of the time on two CPU cores, one of `tiny` two thirds (in bfloat16).
Its answers, too: TensorFlow makes this operation and the convolution before it one.
"""

from __future__ import annotations

from typing import Any

import keras


class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Keras's layer, over the last axis of `(N, h, w, c)`; never for a file."""

    def call(
        self,
        inputs: Any,
        training: bool | None = None,
        mask: Any = None,  # noqa: ARG002 (Keras gives one; there are none in pictures)
    ) -> Any:
        """Normalise `inputs`, while training by their own mean and variance, else by averages."""
        import tensorflow as tf  # noqa: PLC0415 (other backends have none)

        learns = bool(training and self.trainable)
        averages = (self.moving_mean, self.moving_variance)
        answers, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma.value,
            offset=self.beta.value,
            mean=[] if learns else averages[0].value,
            variance=[] if learns else averages[1].value,
            epsilon=self.epsilon,
            is_training=learns,
        )
        if learns:
            count = tf.size(inputs, tf.float32) / inputs.shape[-1]
            biased = variance * (1 - 1 / count)  # TensorFlow answers with the unbiased one
            for average, new in zip(averages, (mean, biased), strict=True):
                average.assign(average * self.momentum + new * (1 - self.momentum))
        return answers


def fused(model: keras.Model) -> keras.Model:
    """`model` with the same weights, its batch normalisation fused where that can be done."""
    if keras.backend.backend() != "tensorflow":
        return model
    faster = keras.models.clone_model(model, clone_function=_clone, recursive=True)
    faster.set_weights(model.get_weights())
    return faster


def _clone(layer: keras.layers.Layer) -> keras.layers.Layer:
    kind = type(layer)
    if kind is keras.layers.BatchNormalization and _fits(layer):
        kind = FusedBatchNormalization
    return kind.from_config(layer.get_config())


def _fits(layer: keras.layers.BatchNormalization) -> bool:
    """Whether the operation does what the layer says, and does it faster.

    It is for pictures, channels last, with scale and offset. With 24 channels it was slower in
    bfloat16 (`compact` by a third): oneDNN's vectors of 16 have to divide them.
    """
    shape = layer.output.shape
    pictures = len(shape) == 4 and layer.axis in (-1, 3)
    return pictures and layer.center and layer.scale and shape[-1] % 16 == 0
