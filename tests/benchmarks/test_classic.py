"""The classic loop beside ours."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import Any

import pytest

from edge.packaged import CLIP
from tests.benchmarks.__main__ import GOALS, clip, goals
from tests.conftest import ROOT, environment

pytestmark = pytest.mark.slow

#: In a process of its own: TensorFlow's threads are told before it does anything.
SCRIPT = """
import numpy as np
from tests.benchmarks.classic import tflite
from tests.benchmarks.classic_keras import rival as make
rival = make()
infer = tflite(rival.tflite, rival.name)
faces = np.random.default_rng(0).integers(0, 256, (3, 90, 80), np.uint8)
for face in faces:
    by_keras, by_tflite = rival.keras(face), infer(face)
    assert by_keras.shape == (7,) and abs(by_keras.sum() - 1) < 1e-5, by_keras
    assert np.abs(by_keras - by_tflite).max() < 1e-3, (by_keras, by_tflite)
print("the same")
"""


def test_keras_and_tflite_are_the_same_network() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "the same\n", done.stderr


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of 30 frames."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.classic", str(CLIP), "--frames", "30"],
        cwd=ROOT,
        env=environment(tmp_path_factory.mktemp("classic")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_ratios_are_those_of_the_costs(report: dict[str, Any]) -> None:
    ours_ms = report["cpu_ms"]["mean"]
    for name, classic in report["classic"].items():
        assert report["ratio"][name] == pytest.approx(classic["cpu_ms"]["mean"] / ours_ms)
    assert report["ratio"]["classic_tflite"] > 1


def test_the_true_classic_loop_is_measured_where_tensorflow_is(report: dict[str, Any]) -> None:
    keras, model = report["ratio"]["classic_keras"], report["classic"]["classic_tflite"]["model"]
    if importlib.util.find_spec("tensorflow") is None:
        assert keras is None
        assert "int8" in model
    else:
        assert keras > report["ratio"]["classic_tflite"]
        assert "float" in model


def test_the_tables_come_from_it(report: dict[str, Any]) -> None:
    told = {line.split(" | ")[0]: line.split(" | ")[-1] for line in goals([report])}
    assert len(told) == len(GOALS)
    ratio = report["ratio"]["classic_tflite"]
    assert told["| the same with TFLite in place of Keras"] == f"{ratio:.1f} |"
    assert told["| one more face, ms"] == "– |"
    assert clip(report).startswith("| average-faces.mp4 | 30, ")


def test_a_video_that_is_not_there_is_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.classic", "/none.mp4"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("/none.mp4: not a video")
