"""The classic loop's model where TensorFlow is installed.

mini-XCEPTION is what most projects of this kind classify with. Its weights are random here: they
change the answers, not their cost.
"""

from __future__ import annotations

import os
from collections.abc import Callable

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from convert.training.networks import build
from edge.records import ByteArray, FloatArray
from tests.benchmarks.classic import Rival

NETWORK = "mini-xception"


def rival() -> Rival:
    """Return mini-XCEPTION as a Keras model, called with `predict` for each face, and in TFLite.

    On one thread, like the loop; must be called before anything else uses TensorFlow.
    """
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model = build(NETWORK)
    infer = _predictor(model)
    infer(np.zeros((64, 64), np.uint8))  # TensorFlow builds its graph at the first call
    return Rival("mini-XCEPTION", infer, _tflite(model))


def _predictor(model: keras.Model) -> Callable[[ByteArray], FloatArray]:
    _, height, width, _ = model.input_shape

    def infer(face: ByteArray) -> FloatArray:
        pixels = cv2.resize(face, (width, height)).astype(np.float32)[None, :, :, None]
        return np.asarray(model.predict(pixels, verbose=0)[0], np.float32)

    return infer


def _tflite(model: keras.Model) -> bytes:
    """Return `model` in float, for pixels 0..1, which is what `tflite` gives a float model."""
    _, *shape = model.input_shape
    spec = tf.TensorSpec((1, *shape), tf.float32)
    function = tf.function(lambda pixels: model(pixels * 255)).get_concrete_function(spec)
    frozen = convert_variables_to_constants_v2(function)
    content: bytes = tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert()
    return content
