"""The figures of merit, against their definitions counted out and against known values."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.scoring import metrics

NAMES = ("happy", "sad", "neutral")


@st.composite
def answered(draw: st.DrawFn) -> tuple[Any, Any]:
    """Probabilities of a few classes in steps of 1/8, so that there are ties, and the truth."""
    classes = draw(st.integers(2, 4))
    faces = draw(st.integers(1, 12))
    parts = st.lists(st.integers(0, 8), min_size=classes, max_size=classes).filter(any)
    rows = np.array([draw(parts) for _ in range(faces)], np.float32)
    truth = draw(st.lists(st.integers(0, classes - 1), min_size=faces, max_size=faces))
    return rows / rows.sum(axis=1, keepdims=True), np.array(truth, np.intp)


@given(answered())
def test_per_class_figures_are_what_counting_gives(case: tuple[Any, Any]) -> None:
    answers, truth = case
    said = [int(row.argmax()) for row in answers]
    matrix = metrics.confusion(answers, truth)
    found = metrics.class_scores(matrix)
    pairs = list(zip(truth.tolist(), said, strict=True))
    recalls = []
    for k in range(answers.shape[1]):
        hits = sum(t == k and s == k for t, s in pairs)
        false_alarms = sum(t != k and s == k for t, s in pairs)
        missed = sum(t == k and s != k for t, s in pairs)
        assert found.faces[k] == hits + missed
        assert found.precision[k] == pytest.approx(hits / max(1, hits + false_alarms))
        assert found.recall[k] == pytest.approx(hits / max(1, hits + missed))
        assert found.f1[k] == pytest.approx(
            2 * hits / max(1, 2 * hits + false_alarms + missed)  # another form of the same mean
        )
        recalls += [hits / (hits + missed)] if hits + missed else []
    assert metrics.accuracy(matrix) == pytest.approx(np.mean([t == s for t, s in pairs]))
    assert metrics.balanced_accuracy(matrix) == pytest.approx(np.mean(recalls))


@given(answered())
def test_roc_auc_is_the_share_of_pairs_in_the_right_order(case: tuple[Any, Any]) -> None:
    answers, truth = case
    for k, found in enumerate(metrics.roc_aucs(answers, truth)):
        scores, positive = answers[:, k], truth == k
        pairs = list(itertools.product(scores[positive], scores[~positive]))
        if not pairs:
            assert np.isnan(found)
            continue
        won = [1.0 if p > n else 0.5 if p == n else 0.0 for p, n in pairs]
        assert found == pytest.approx(np.mean(won))
        false, true = metrics.roc_curve(scores, positive)
        assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
        area = np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2)
        assert found == pytest.approx(area)


def test_roc_auc_of_the_textbook_case() -> None:
    # Hanley and McNeil 1982, table I: 58 normal and 51 abnormal scans rated 1 to 5; area 0.893.
    normal, abnormal = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)
    scores = np.repeat([1, 2, 3, 4, 5] * 2, normal + abnormal).astype(np.float32)
    positive = np.repeat([False, True], [58, 51])
    assert metrics.roc_auc(scores, positive) == pytest.approx(0.893, abs=5e-4)


@given(answered(), st.integers(1, 20))
def test_calibration_error_is_what_its_definition_sums_up_to(
    case: tuple[Any, Any], bins: int
) -> None:
    answers, truth = case
    sure = answers.max(axis=1).astype(np.float64)
    right = answers.argmax(axis=1) == truth
    edges = np.linspace(0, 1, bins + 1)
    total = 0.0
    for low, high in itertools.pairwise(edges):
        inside = (sure > low) & (sure <= high)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
    assert metrics.expected_calibration_error(answers, truth, bins) == pytest.approx(total)
    assert metrics.reliability(answers, truth, bins).faces.sum() == len(truth)


def test_calibration_error_of_answers_that_mean_what_they_say_is_small() -> None:
    rng = np.random.default_rng(0)
    answers = rng.dirichlet(np.ones(4), 50_000).astype(np.float32)
    truth = (rng.random((50_000, 1)) > np.cumsum(answers, axis=1)).sum(axis=1).clip(max=3)
    assert metrics.expected_calibration_error(answers, truth) < 0.01
    sharper = answers**3 / (answers**3).sum(axis=1, keepdims=True)
    assert metrics.expected_calibration_error(sharper, truth) > 0.1


def test_score_of_a_small_case_by_hand() -> None:
    answers = np.array(
        [[0.8, 0.2, 0.0], [0.6, 0.4, 0.0], [0.3, 0.7, 0.0], [0.1, 0.9, 0.0]], np.float32
    )
    found = metrics.score(answers, ("happy", "sad", "sad", "sad"), NAMES)
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == round((1 + 2 / 3) / 2, 4)  # no neutral face was asked
    assert found["roc_auc"] == 1.0
    assert found["calibration_error"] == round((0.2 + 0.6 + 0.3 + 0.1) / 4, 4)
    assert found["confusion"] == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]
    assert found["classes"]["sad"] == {
        "precision": 1.0, "recall": 0.6667, "f1": 0.8, "roc_auc": 1.0, "faces": 3
    }  # fmt: skip
    assert found["classes"]["neutral"] == {
        "precision": 0.0, "recall": 0.0, "f1": 0.0, "roc_auc": None, "faces": 0
    }  # fmt: skip
