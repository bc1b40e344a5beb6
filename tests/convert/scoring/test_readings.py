"""Answers as readings: counted by hand, and with the conditions that are averaged."""

from __future__ import annotations

import numpy as np
import pytest

from convert.faces.degrade import CAMERA, DEGRADED
from convert.scoring.readings import as_readings, mean_of_camera

LABELS = ("angry", "happy", "sad", "neutral")
#: Likeliest: angry 0.5, sad 0.45, neutral 0.9, angry 0.6, happy 0.7.
ANSWERS = np.array(
    [
        [0.5, 0.2, 0.2, 0.1],
        [0.3, 0.1, 0.45, 0.15],
        [0.1, 0.0, 0.0, 0.9],
        [0.6, 0.4, 0.0, 0.0],
        [0.3, 0.7, 0.0, 0.0],
    ],
    np.float32,
)


def test_a_reading_counts_by_its_likeliest_class_and_confidence() -> None:
    truth = ("neutral", "neutral", "sad", "sad", "happy")
    at = {p: as_readings(ANSWERS, truth, LABELS, p) for p in (0.4, 0.475, 0.55, 0.65)}
    assert [found["neutral_negative"] for found in at.values()] == [1.0, 0.5, 0.0, 0.0]
    assert [found["negative_kept"] for found in at.values()] == [0.5, 0.5, 0.5, 0.0]
    assert [found["happy_negative"] for found in at.values()] == [0.0] * 4


def test_classes_without_faces_have_no_share() -> None:
    found = as_readings(ANSWERS[:2], ("happy", "happy"), LABELS, 0.4)
    assert found == {"neutral_negative": None, "happy_negative": 1.0, "negative_kept": None}


def test_the_mean_is_over_the_four_and_over_what_all_of_them_have() -> None:
    assert len(CAMERA) == 4
    rows = {name: {"accuracy": 1.0, "neutral_negative": None} for name in DEGRADED}
    for number, name in enumerate(CAMERA):
        rows[name] = {"accuracy": number / 10, "neutral_negative": None}
    assert mean_of_camera(rows) == {"accuracy": pytest.approx(0.15)}
