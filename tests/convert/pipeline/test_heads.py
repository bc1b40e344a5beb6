"""Sigmoid outputs through the whole conversion."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from convert.faces.synthetic import clear_faces
from convert.loading.float_model import prepared
from convert.quantizing import quantize
from tests.support.converting import converted, old_runtime, small_network


def test_sigmoids_are_normalised_in_int8(tmp_path: Path) -> None:
    source = tmp_path / "model.keras"
    small_network(classes=5, activation="sigmoid").save(source)
    options = {"labels": "angry,happy,neutral,sad,surprise", "input_range": "0..1"}
    out = tmp_path / "out.tflite"
    card = converted(source, out, min_agreement=0.0, **options)
    assert card["head"] == "sigmoid"
    pixels = prepared(clear_faces(14, 5)[0], (1, 48, 48, 1))
    answers = quantize.run(out.read_bytes(), pixels)
    assert np.abs(answers.sum(axis=1) - 1).max() < 0.03
    np.save(tmp_path / "faces.npy", pixels)
    there = old_runtime(out, tmp_path / "faces.npy", tmp_path / "answers.npy")
    assert np.abs(there - answers).max() < 0.03
