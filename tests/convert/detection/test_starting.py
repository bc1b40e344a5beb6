"""The face network goes on from its `.tflite`: it answers as the file does, and learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from convert.detection.looking import found_in
from convert.detection.scenes import Scene, overlaps
from convert.quantizing.tflite_file import packed, unpacked
from edge.config.paths import model_path
from edge.errors import RefusedFile, UsageError
from edge.faces.network import FaceNetwork
from edge.faces.network_card import with_card
from edge.packaged import CLIP, FACES
from tests.support.converting import keras

tensorflow = pytest.importorskip("tensorflow")

from convert.detection import fit, network  # noqa: E402
from convert.detection.starting import start  # noqa: E402


def pictures(count: int) -> list[Any]:
    """Frames of the packaged clip, a quarter of a second apart."""
    video, found = cv2.VideoCapture(str(CLIP)), []
    for number in range(count * 4):
        frame = video.read()[1]
        if number % 4 == 0:
            gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
            scale = 320 / max(gray.shape)
            found.append(cv2.resize(gray, None, fx=scale, fy=scale))
    return found


GRAYS = pictures(12)


def begun(path: Path) -> Any:
    padded = np.stack([fit.padded(gray) for gray in GRAYS])[..., None]
    weights = start(path, fit.scaled(padded))
    model = network.build()
    model.set_weights(weights)
    return model


def test_the_weights_of_the_shipped_network_come_back() -> None:
    model, shipped = begun(FACES), FaceNetwork(FACES)
    none = np.zeros((0, 4), np.float32)
    scenes = [Scene(gray, none, none, none[:, 0], none, none[:, 0], "") for gray in GRAYS]
    threshold = np.log(shipped.card.threshold / (1 - shipped.card.threshold))
    for scene, found in zip(scenes, fit.detected(model, scenes), strict=True):
        theirs, ours = found_in(shipped, scene.gray, 320), found[found[:, 4] > threshold]
        assert len(theirs) == len(ours) == 1
        assert overlaps(theirs, ours) > 0.85
    # In training, normalisation is by the batch: the averages fit what it measures.
    pixels = fit.scaled(np.stack([fit.padded(gray) for gray in GRAYS])[..., None])
    for learning, answering in zip(model(pixels, training=True), model(pixels), strict=True):
        assert np.abs(learning - answering).mean() < 0.5
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, _, _, variance = layer.get_weights()
            assert 0 < np.median(gamma) < 5
            assert (variance >= 0).all()


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    other = tmp_path / "other.tflite"
    content = model_path("tiny").read_bytes()
    bare = packed(unpacked(content), len(content))
    other.write_bytes(with_card(bare, FaceNetwork(FACES).card))
    with pytest.raises(UsageError, match=r"^--start .*other\.tflite: not a network of fer-train"):
        begun(other)
    with pytest.raises(RefusedFile, match=r"^--start .*default\.tflite: not a face detector"):
        begun(model_path("default"))
    with pytest.raises(RefusedFile, match=r"^--start .*no\.tflite: cannot read the model: No such"):
        begun(tmp_path / "no.tflite")
    for content in (b"hello", b"", FACES.read_bytes()[:500]):
        (tmp_path / "bad.tflite").write_bytes(content)
        with pytest.raises(RefusedFile, match=r"^--start .*bad\.tflite: "):
            begun(tmp_path / "bad.tflite")
