"""The shipped models, as their users get them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from edge.config.paths import model_path
from edge.expressions.classifier import Classifier
from tests.conftest import ROOT

NAMES = ("default", "tiny")
PAGE = (ROOT / "docs" / "training.md").read_text()


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def classifier(name: str) -> Classifier:
    return Classifier(model_path(name))


@pytest.mark.slow
def test_page_and_card_state_the_accuracy_on_the_public_test_split(
    classifier: Classifier, name: str, shared: Path
) -> None:
    with np.load(shared / "data" / "fer2013_train_public.npz") as data:
        pictures, labels = data["x_public"], data["y_public"]
    right = np.mean(
        [int(classifier.classify(p).argmax()) == y for p, y in zip(pictures, labels, strict=True)]
    )
    stated = re.search(rf"`{name}` [^`]*?right on ([\d.]+) % of FER2013's public test", PAGE, re.S)
    assert stated
    assert f"{right:.1%}" == f"{stated[1]}%"
    assert classifier.card.accuracy == pytest.approx(right, abs=1e-4)


def test_they_are_small_and_say_where_they_came_from(classifier: Classifier, name: str) -> None:
    limit = {"default": 1_000_000, "tiny": 150_000}[name]
    assert model_path(name).stat().st_size <= limit
    assert len(classifier.card.source_sha256) == 64
    assert classifier.card.agreement is not None
    assert classifier.card.agreement >= 0.95


def test_no_other_model_is_shipped() -> None:
    folder = model_path("default").parent
    assert {path.stem for path in folder.glob("*.tflite")} == {*NAMES, "faces"}


def test_probabilities_sum_to_one(classifier: Classifier) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 48, 48), np.uint8)
    for picture in noise:
        answer = classifier.classify(picture)
        assert answer.shape == (len(classifier.labels),)
        assert answer.sum() == pytest.approx(1, abs=1e-5)
        assert answer.min() >= 0
