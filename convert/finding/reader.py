"""What our reader reads in faces: a network whose classes are known, to compare with.

Two networks that were trained apart agree, face by face, on which looks more like which expression,
also where both are wrong. Our reader was trained on FER2013 and answers its seven classes: it is
the teacher of the shipped model, in int8. It stays when that changes, as every threshold of
`convert.finding.evidence` was measured with it.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from convert.labels import fer_order
from edge.classifier import Classifier
from edge.records import ByteArray, FloatArray

READER = Path(__file__).parent.parent / "assets" / "reader.tflite"
#: A probability below this says no more than that the class was not thought of; int8 has 1/256.
LEAST = 1e-3


def readings(pictures: ByteArray) -> FloatArray:
    """Log-probabilities `(N, 7)`, FER2013's order, of pictures of faces, uint8 `(N, h, w)`."""
    classifier = _classifier()
    columns = [classifier.labels.index(name) for name in fer_order()]
    answers = np.stack([classifier.classify(picture) for picture in pictures])
    return np.asarray(np.log(np.maximum(answers[:, columns], LEAST)), np.float32)


@functools.cache
def _classifier() -> Classifier:
    return Classifier(READER)
