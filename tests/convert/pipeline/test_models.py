"""Real models of other authors, as their users would bring them: no options, the right outcome."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from convert import normalisation
from convert.agreement import compare
from convert.faces.reader import read
from convert.faces.synthetic import clear_faces
from convert.inspection.findings import Unclear, find_out
from convert.loading.float_model import prepared
from convert.loading.load import load
from convert.loading.model_files import find
from convert.request import Request
from convert.scoring.metrics import score
from edge.errors import RefusedFile, UsageError
from edge.expressions.classifier import Classifier
from tests.support.converting import converted, old_runtime

FER = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
ALPHABETICAL = tuple(sorted(FER))


class Case(NamedTuple):
    """A model and what is known of it; `agreement` is what int8 must reach on photographs."""

    file: str
    order: str
    labels: tuple[str, ...]
    input_range: str
    agreement: float = 0.96


CASES = {
    "oarriaga": Case(
        "oarriaga-mini-xception/fer2013_mini_XCEPTION.102-0.66.hdf5", "fer", FER, "-1..1"
    ),
    "htetthu": Case("htetthu-json-weights/fer.json", "fer", FER, "standardised"),
    "yashbabel": Case(
        "yashbabel-little-vgg-5class/Emotion_little_vgg.h5",
        "alphabetical",
        ("angry", "happy", "neutral", "sad", "surprise"),
        "0..1",
    ),
    "semih": Case("semih-alphabetical/emotion_model.h5", "alphabetical", ALPHABETICAL, "0..1"),
    "chetanvamsi": Case(
        "chetanvamsi-rescaling-inside/emotion_model.keras", "alphabetical", ALPHABETICAL, "0..255"
    ),
    "shikharjain": Case("shikharjain-sigmoid/fer.json", "fer", FER, "0..1"),
}


class Made(NamedTuple):
    """A converted model: where it is, and its card."""

    path: Path
    card: dict[str, Any]


@pytest.fixture(scope="session")
def made(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """Converts a case's model, once, without any option."""
    done: dict[str, Made] = {}

    def convert(name: str) -> Made:
        if name not in done:
            out = tmp_path_factory.mktemp("made") / f"{name}.tflite"
            card = converted(shared / "models" / CASES[name].file, out)
            done[name] = Made(out, card)
        return done[name]

    return convert


@pytest.mark.parametrize("name", CASES)
def test_finds_out_what_nobody_wrote_down(name: str, made: Callable[[str], Made]) -> None:
    case, card = CASES[name], made(name).card
    assert card["label_order"] == case.order
    assert card["labels"] == list(case.labels)
    assert card["input_range"] == case.input_range
    assert card["agreement"] >= 0.95


@pytest.mark.parametrize("name", CASES)
def test_int8_answers_like_float_on_photographs(
    name: str, made: Callable[[str], Made], shared: Path
) -> None:
    case, (path, card) = CASES[name], made(name)
    path_of_data = shared / "data/fer2013_train_public.npz"
    faces = read(path_of_data, "public").of_classes(case.labels, path_of_data)
    classifier = Classifier(path)
    quantized = np.stack([classifier.classify(picture) for picture in faces.pictures])
    model = load(find(shared / "models" / case.file, None))
    scaling = normalisation.parse(card["input_range_value"])
    exact = model.probabilities(prepared(faces.pictures, model.input_shape), scaling)
    loss = score(exact, faces.truth, case.labels)["accuracy"]
    loss -= score(quantized, faces.truth, case.labels)["accuracy"]
    agreement = compare(exact, quantized).agreement
    print(f"{name}: int8 loses {100 * loss:.2f} points, agrees on {agreement:.2%}")
    assert abs(loss) <= 0.01
    assert agreement >= case.agreement


@pytest.mark.parametrize("name", CASES)
def test_runs_alike_on_the_last_tflite_runtime(
    name: str, made: Callable[[str], Made], tmp_path: Path
) -> None:
    path, _ = made(name)
    faces, _ = clear_faces(14, seed=21)
    classifier = Classifier(path)
    here = np.stack([classifier.classify(picture) for picture in faces])
    np.save(tmp_path / "faces.npy", prepared(faces, classifier.card.input_shape))
    there = old_runtime(path, tmp_path / "faces.npy", tmp_path / "answers.npy")
    assert (here.argmax(axis=1) == there.argmax(axis=1)).mean() >= 0.9
    assert np.abs(there.sum(axis=1) - 1).max() < 0.05


def test_eight_classes_in_three_formats_are_one_model(shared: Path) -> None:
    folder = shared / "models/patientwolfx-savedmodel-8class"
    faces, _ = clear_faces(14, seed=22)
    answers = []
    for name in ("emotion_model.keras", "emotion_model_clean.h5", "emotion_savedmodel"):
        model = load(find(folder / name, None))
        finding = find_out(model, Request(name, ""))
        assert (finding.label_order, finding.input_range) == ("alphabetical", "0..1")
        assert "contempt" in finding.names
        pixels = prepared(faces, model.input_shape)
        answers.append(model.probabilities(pixels, finding.normalisation))
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-4)
    np.testing.assert_allclose(answers[0], answers[2], atol=1e-4)


def test_eight_classes_in_int8_answer_like_float(shared: Path, tmp_path: Path) -> None:
    """An offset after every ReLU, on pictures of 112x112: plain int8 agrees on 85 %."""
    source = shared / "models/patientwolfx-savedmodel-8class/emotion_model.keras"
    # One attempt suffices; what is asked of it is more than the request asks.
    card = converted(source, tmp_path / "out.tflite", min_agreement=0.94)
    assert card["agreement"] >= 0.95


@pytest.mark.parametrize(
    "file",
    [
        "katherine-rgb128/emotion_model.h5",
        "binni24-keras-is-weights/emotion_model.keras",
        "binni24-keras-is-weights/emotion_model.h5",
    ],
)
def test_says_what_is_not_clear(file: str, shared: Path, tmp_path: Path) -> None:
    with pytest.raises(Unclear, match="--input-range and --labels") as caught:
        converted(shared / "models" / file, tmp_path / "out.tflite")
    assert caught.value.findings["label_order"] == "unclear"
    assert caught.value.findings["input_range"] == "unclear"
    assert not (tmp_path / "out.tflite").exists()


def test_what_the_user_says_wins_and_is_contradicted(shared: Path) -> None:
    model = load(find(shared / "models/semih-alphabetical/emotion_model.h5", None))
    finding = find_out(model, Request("", "", labels="fer", input_range="-1..1"))
    assert finding.names == FER
    assert finding.label_order == finding.input_range == "given"
    assert any("--input-range -1..1 contradicts" in line for line in finding.known["warnings"])
    finding = find_out(model, Request("", "", labels="fer", input_range="0..1"))
    assert any("contradicts label order: alphabetical" in x for x in finding.known["warnings"])


@pytest.mark.parametrize(
    ("file", "error", "reason"),
    [
        (
            "emotiondetector.h5",
            RefusedFile,
            r"takes \(784\) and outputs \(10\); required: pictures",
        ),
        ("emotiondetector.json", RefusedFile, "cannot be|can build it with the weights"),
        ("facialemotionmodel.json", UsageError, "weights not found next to it"),
    ],
)
def test_wrong_files_are_refused(
    file: str, error: type[Exception], reason: str, shared: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=reason):
        converted(shared / "models/sahabhusain-not-an-image-model" / file, tmp_path / "out.tflite")
    assert not list(tmp_path.iterdir())
