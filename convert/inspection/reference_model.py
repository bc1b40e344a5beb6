"""The reference model: a network with known classes to compare others with.

Two independently trained networks agree, face by face, on which looks more like which expression,
even where both are wrong. The reference model was trained on FER2013 and outputs its seven
classes: it is the teacher of the first shipped model, in int8. It stays the same when shipped
models change, as every threshold of `convert.inspection.evidence` was measured with it.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from convert.labels import fer_order
from edge.expressions.classifier import Classifier
from edge.records import ByteArray, FloatArray

REFERENCE = Path(__file__).parent.parent / "assets" / "reference_model.tflite"
#: Smaller probabilities are not informative; int8's smallest step is 1/256.
MIN_PROBABILITY = 1e-3


def readings(pictures: ByteArray) -> FloatArray:
    """Return log-probabilities `(N, 7)`, FER2013's order, for faces."""
    classifier = _classifier()
    columns = [classifier.labels.index(name) for name in fer_order()]
    answers = np.stack([classifier.classify(picture) for picture in pictures])
    return np.asarray(np.log(np.maximum(answers[:, columns], MIN_PROBABILITY)), np.float32)


@functools.cache
def _classifier() -> Classifier:
    return Classifier(REFERENCE)
