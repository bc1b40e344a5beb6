"""How far the int8 file's answers are from the float model's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from convert.faces.data import Faces
from edge.errors import UsageError
from edge.records import FloatArray


@dataclass(frozen=True)
class Comparison:
    """Of two models on the same faces: how they agree."""

    faces: int
    agreement: float
    largest_difference: float

    def as_dict(self) -> dict[str, Any]:
        """Rounded for people and JSON."""
        return {
            "faces": self.faces,
            "agreement": round(self.agreement, 4),
            "largest_difference": round(self.largest_difference, 4),
        }


def compare(exact: FloatArray, quantized: FloatArray) -> Comparison:
    """Of probabilities `(N, classes)` of the float model and of the int8 file."""
    same = exact.argmax(axis=1) == quantized.argmax(axis=1)
    return Comparison(len(exact), float(same.mean()), float(np.abs(exact - quantized).max()))


def known(faces: Faces, labels: tuple[str, ...], data: object) -> Faces:
    """The faces whose class is one of `labels`; raises `UsageError` where there is none."""
    if not faces.truth:
        raise UsageError(f"{data}: does not say the classes; needs a FER2013 file or class folders")
    shared = faces.of_classes(labels)
    if not shared.pictures:
        raise UsageError(f"{data}: has none of the model's classes ({', '.join(labels)})")
    return shared
