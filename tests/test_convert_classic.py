"""What the benchmark runs beside the loop where TensorFlow is."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT

#: In a process of its own: TensorFlow's threads are told before it does anything.
SCRIPT = """
import numpy as np
from edge.bench.classic import _rival, tflite
rival = _rival()
infer = tflite(rival.tflite, rival.name)
faces = np.random.default_rng(0).integers(0, 256, (3, 90, 80), np.uint8)
for face in faces:
    by_keras, by_tflite = rival.keras(face), infer(face)
    assert by_keras.shape == (7,) and abs(by_keras.sum() - 1) < 1e-5, by_keras
    assert np.abs(by_keras - by_tflite).max() < 1e-3, (by_keras, by_tflite)
print("the same")
"""


def test_keras_and_tflite_are_the_same_network_and_edge_finds_them_by_the_entry_point() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "the same\n", done.stderr
