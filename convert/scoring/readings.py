"""What answers are worth as readings: which of them count for an alert at a least confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from convert.faces.degrade import CAMERA
from edge.config.alerts import NEGATIVE
from edge.records import FloatArray

#: The figures that are averaged over the conditions of `CAMERA`.
AVERAGED = ("accuracy", "calibration_error", "neutral_negative", "happy_negative", "negative_kept")


def as_readings(
    answers: FloatArray, truth: Sequence[str], labels: tuple[str, ...], min_confidence: float
) -> dict[str, Any]:
    """Return the shares of faces read as negative, as an alert counts it, for JSON.

    `answers` are probabilities `(N, classes)`, `truth` names from `labels`. A reading counts if its
    likeliest class is one of `NEGATIVE` with at least `min_confidence`: it should for `negative`
    faces (`negative_kept`), and should not for neutral and happy ones. None without such faces.
    """
    negative = np.array([name in NEGATIVE for name in labels])
    likeliest = answers.argmax(axis=1)
    counts = negative[likeliest] & (answers.max(axis=1) >= min_confidence)
    names = np.array(truth)
    return {
        "neutral_negative": _share(counts, names == "neutral"),
        "happy_negative": _share(counts, names == "happy"),
        "negative_kept": _share(counts, np.isin(names, NEGATIVE)),
    }


def _share(counts: Any, chosen: Any) -> float | None:
    return round(float(counts[chosen].mean()), 4) if chosen.any() else None


def mean_of_camera(degraded: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the mean over the conditions of `CAMERA` of each figure they all have."""
    rows = [degraded[name] for name in CAMERA]
    known = [name for name in AVERAGED if all(row.get(name) is not None for row in rows)]
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in known}
