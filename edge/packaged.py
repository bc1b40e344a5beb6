"""Paths of bundled files."""

from __future__ import annotations

from pathlib import Path

MODELS = Path(__file__).parent / "models"
#: The network that finds faces.
FACES = MODELS / "faces.tflite"
ASSETS = Path(__file__).parent / "assets"
#: A clip of average faces, for the demo, the benchmark and the tests.
CLIP = ASSETS / "average-faces.mp4"
#: The expressions of its faces in turn, as this project names them, and for how many seconds each.
CLIP_STORY = (
    ("neutral", 2.0), ("happy", 2.0), ("surprise", 2.0), ("sad", 2.0), ("angry", 2.0),
    ("fear", 1.5), ("disgust", 1.5), ("happy", 2.5), ("neutral", 1.5),
)  # fmt: skip
#: The names that `model.path` takes instead of a file.
SHIPPED = ("default", "tiny")
