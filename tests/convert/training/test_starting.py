"""A network that starts from a file answers as the file does, and goes on learning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.faces.synthetic import clear_faces
from convert.loading.training_record import write_record
from convert.training.networks import build
from convert.training.starting import start
from edge.config.paths import model_path
from edge.errors import RefusedFile, UsageError
from edge.expressions.classifier import Classifier
from tests.support.converting import keras

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
PICTURES = clear_faces(350, seed=3)[0]
UNSEEN = clear_faces(140, seed=4)[0]
PIXELS = UNSEEN[..., None].astype(np.float32)


@pytest.mark.parametrize(("network", "name"), [("compact", "default"), ("tiny", "tiny")])
def test_the_weights_of_a_shipped_model_come_back(network: str, name: str) -> None:
    model, classifier = build(network), Classifier(model_path(name))
    [note] = start(model, [str(model_path(name))], CLASSES, PICTURES)
    assert "whose answers the network gives" in note
    theirs = np.stack([classifier.classify(picture) for picture in UNSEEN])
    ours = model.predict(PIXELS, verbose=0)
    assert np.abs(ours - theirs).mean() < 0.02
    assert np.mean(ours.argmax(axis=1) == theirs.argmax(axis=1)) >= 0.95
    # In training, normalisation is by the batch: the averages fit what it measures.
    learning = np.asarray(model(PIXELS, training=True))
    assert np.mean(learning.argmax(axis=1) == theirs.argmax(axis=1)) > 0.8
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, _, _, variance = layer.get_weights()
            assert 0 < np.median(gamma) < 3
            assert (variance > 0).all()


def saved(network: str, folder: Path, labels: tuple[str, ...] = CLASSES) -> Path:
    keras.utils.set_random_seed(5)
    path = folder / f"{network}.keras"
    build(network).save(path)
    write_record(path, {"labels": list(labels)})
    return path


def test_a_file_of_fer_train_gives_its_own_weights(tmp_path: Path) -> None:
    path = saved("tiny", tmp_path)
    keras.utils.set_random_seed(6)
    model = build("tiny")
    assert start(model, [str(path)], CLASSES, PICTURES) == ("start: tiny.keras",)
    expected = keras.models.load_model(path, compile=False).predict(PIXELS, verbose=0)
    np.testing.assert_allclose(model.predict(PIXELS, verbose=0), expected, atol=1e-6)


def test_several_files_give_the_mean_of_their_weights(tmp_path: Path) -> None:
    files, model = [str(saved("tiny", tmp_path)), str(model_path("tiny"))], build("tiny")
    assert start(model, [], CLASSES, PICTURES) == ()
    parts = []
    for file in files:
        start(model, [file], CLASSES, PICTURES)
        parts.append(model.get_weights())
    assert len(start(model, files, CLASSES, PICTURES)) == 2
    for found, one, other in zip(model.get_weights(), *parts, strict=True):
        np.testing.assert_allclose(found, (one + other) / 2, rtol=1e-6)


def test_files_of_other_networks_and_classes_are_refused(tmp_path: Path) -> None:
    model = build("tiny")
    for wrong in (model_path("default"), saved("compact", tmp_path)):
        with pytest.raises(UsageError, match=f"^--start .*{wrong.name}: not a tiny$"):
            start(model, [str(wrong)], CLASSES, PICTURES)
    with pytest.raises(UsageError, match=r"its classes are angry, .*; the data's are happy, sad$"):
        start(model, [str(model_path("tiny"))], ("happy", "sad"), PICTURES)
    with pytest.raises(UsageError, match=r"^--start .*no\.tflite: no such file$"):
        start(model, [str(tmp_path / "no.tflite")], CLASSES, PICTURES)
    (tmp_path / "text.tflite").write_text("hello")
    with pytest.raises(RefusedFile, match=r"^--start .*text\.tflite: not a TFLite file"):
        start(model, [str(tmp_path / "text.tflite")], CLASSES, PICTURES)
