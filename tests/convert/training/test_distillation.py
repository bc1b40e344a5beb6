"""Teachers: what they say of a batch is what their files say, computed as the pupil computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.loading.training_record import write_record
from convert.training import distillation
from convert.training.networks import build
from convert.training.style import LOGITS_LAYER
from edge.config.paths import model_path
from edge.errors import UsageError
from edge.expressions.classifier import Classifier
from edge.records import FloatArray
from tests.support.converting import keras

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
FACES = (
    np.random.default_rng(0).integers(0, 256, (6, 4, 4, 1)).repeat(12, 1).repeat(12, 2)
).astype("float32")


def teacher(folder: Path, network: str, seed: int) -> tuple[str, keras.Model]:
    """A file as fer-train leaves one, and its network: averages unlike 0 and 1, firm answers."""
    keras.utils.set_random_seed(seed)
    rng, model = np.random.default_rng(seed), build(network)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            *learnt, mean, variance = layer.get_weights()
            mean, variance = rng.normal(0, 0.1, mean.shape), rng.uniform(0.5, 1.5, variance.shape)
            layer.set_weights([*learnt, mean, variance])
    head = model.get_layer(LOGITS_LAYER)
    head.set_weights([weight * 8 for weight in head.get_weights()])
    path = folder / f"{network}-{seed}.keras"
    model.save(path)
    write_record(path, {"labels": list(CLASSES)})
    return str(path), model


def said(paths: list[str], precision: str = "float32") -> FloatArray:
    """What the teachers in `paths` answer of the faces."""
    ensemble = distillation.ensemble(paths, CLASSES, precision)
    assert ensemble is not None
    return ensemble(FACES)


@pytest.mark.parametrize("network", ["tiny", "mini-xception", "small-cnn"])
def test_a_teacher_says_what_its_file_says(tmp_path: Path, network: str) -> None:
    path, model = teacher(tmp_path, network, seed=1)
    _, height, width, _ = model.input_shape
    seen = keras.ops.image.resize(FACES, (height, width)) if height != 48 else FACES
    expected = model.predict(np.asarray(seen), verbose=0)
    spread = np.ptp(expected, axis=0).max()
    assert spread > 0.03, "it says the same of all faces"
    np.testing.assert_allclose(said([path]), expected, atol=1e-4)
    difference = np.abs(said([path], "bfloat16") - expected).max()
    assert 1e-6 < difference < spread / 4, "bfloat16 has eight bits"


def test_a_tflite_says_what_it_says_on_the_pi() -> None:
    classifier = Classifier(model_path("tiny"))
    expected = [classifier.classify(face[..., 0].astype(np.uint8)) for face in FACES]
    assert np.ptp(expected, axis=0).max() > 0.03
    np.testing.assert_array_equal(said([str(model_path("tiny"))]), expected)
    with pytest.raises(UsageError, match=r"^--teacher .*tiny\.tflite: its classes are angry, "):
        distillation.ensemble([str(model_path("tiny"))], ("happy", "sad"), "float32")


def test_several_teachers_say_the_mean_of_what_each_says(tmp_path: Path) -> None:
    paths = [teacher(tmp_path, "tiny", seed)[0] for seed in (1, 2)]
    one, two = said(paths[:1]), said(paths[1:])
    assert np.abs(one - two).max() > 0.05
    np.testing.assert_allclose(said(paths), (one + two) / 2, atol=1e-6)


def test_a_teacher_of_other_classes_is_refused(tmp_path: Path) -> None:
    path, _ = teacher(tmp_path, "tiny", seed=1)
    with pytest.raises(UsageError, match=r"its classes are angry, .*; the data's are happy, sad$"):
        distillation.ensemble([path], ("happy", "sad"), "float32")
