"""The shipped model, as its users get it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from edge.classifier import Classifier
from edge.daemon import model_path
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(model_path("default"))


def test_readme_states_the_accuracy_on_the_public_test_split(
    classifier: Classifier, shared: Path
) -> None:
    with np.load(shared / "data" / "fer2013_train_public.npz") as data:
        pictures, labels = data["x_public"], data["y_public"]
    right = [
        int(classifier.classify(p).argmax()) == y for p, y in zip(pictures, labels, strict=True)
    ]
    stated = re.search(
        r"right on ([\d.]+) % of FER2013's public test", (ROOT / "README.md").read_text()
    )
    assert stated
    assert f"{np.mean(right):.1%}" == f"{stated[1]}%"


def test_it_is_small_and_says_where_it_came_from(classifier: Classifier) -> None:
    assert model_path("default").stat().st_size < 1_000_000
    assert len(classifier.card.source_sha256) == 64
    assert classifier.card.agreement is not None
    assert classifier.card.agreement >= 0.95


def test_probabilities_sum_to_one(classifier: Classifier) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 48, 48), np.uint8)
    for picture in noise:
        answer = classifier.classify(picture)
        assert answer.shape == (len(classifier.labels),)
        assert answer.sum() == pytest.approx(1, abs=1e-5)
        assert answer.min() >= 0
