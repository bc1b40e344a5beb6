"""Metrics of probabilities `(N, classes)`, given the true classes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.records import FloatArray

IndexArray = npt.NDArray[np.intp]
Exact = npt.NDArray[np.float64]
#: As in Guo et al. 2017.
BINS = 15


def confusion(answers: FloatArray, truth: IndexArray) -> IndexArray:
    """Return the confusion matrix: int `(classes, classes)`, rows are truth."""
    classes = answers.shape[1]
    matrix = np.zeros((classes, classes), np.intp)
    np.add.at(matrix, (truth, answers.argmax(axis=1)), 1)
    return matrix


def accuracy(matrix: IndexArray) -> float:
    """Return the share of correct answers; 0 for an empty matrix."""
    return float(matrix.trace() / max(1, matrix.sum()))


class ClassScores(NamedTuple):
    """Figures per class, `(classes,)` each; 0 where a divisor is 0.

    `precision`: the share of this class's answers that are correct. `recall`: the share of this
    class's faces that are found. `f1`: their harmonic mean (van Rijsbergen 1979). `faces`: the
    number of faces of this class (support).
    """

    precision: Exact
    recall: Exact
    f1: Exact
    faces: IndexArray


def class_scores(matrix: IndexArray) -> ClassScores:
    """Return the scores of a confusion matrix.

    Sokolova and Lapalme 2009, table 3, one class against the rest.
    """
    hits, faces, answers = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    precision, recall = _divided(hits, answers), _divided(hits, faces)
    f1 = _divided(2 * precision * recall, precision + recall)
    return ClassScores(precision, recall, f1, faces)


def balanced_accuracy(matrix: IndexArray) -> float:
    """Return the mean recall of the classes that have faces (Brodersen et al. 2010)."""
    scores = class_scores(matrix)
    present = scores.faces > 0
    return float(scores.recall[present].mean()) if present.any() else 0.0


def roc_auc(scores: FloatArray, positive: npt.NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve; NaN without positives or negatives.

    It is the probability that a positive outscores a negative, where ties count half. Both
    arguments are `(N,)`. It follows from the sum R of the positives' ranks, with the mean rank for
    ties: (R - p(p+1)/2) / (p n) for p positives and n negatives (Mann and Whitney 1947; Fawcett
    2006, section 7).
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return float("nan")
    _, group, size = np.unique(scores, return_inverse=True, return_counts=True)
    midranks = np.cumsum(size) - (size - 1) / 2
    total = midranks[group][positive].sum()
    return float((total - positives * (positives + 1) / 2) / (positives * negatives))


def roc_aucs(answers: FloatArray, truth: IndexArray) -> Exact:
    """Return `roc_auc` of each class against the rest: `(classes,)`.

    It is NaN for a class without faces; the macro average is the mean of the others.
    """
    columns = range(answers.shape[1])
    return np.array([roc_auc(answers[:, column], truth == column) for column in columns])


def roc_curve(scores: FloatArray, positive: npt.NDArray[np.bool_]) -> tuple[Exact, Exact]:
    """Return false and true positive rates, from (0, 0) to (1, 1).

    There is a point for each threshold: faces of equal score enter together (Fawcett 2006,
    algorithm 1). There must be positives and negatives.
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    last_of_score = np.append(np.diff(scores[order]) != 0, True)
    seen = np.arange(1, len(scores) + 1)[last_of_score]
    hits = hits[last_of_score]
    false, true = (seen - hits) / (~positive).sum(), hits / positive.sum()
    return np.append(0.0, false), np.append(0.0, true)


class Reliability(NamedTuple):
    """Faces grouped by the confidence of their answer: `(bins,)` each.

    `confidence` and `accuracy` are means over the bin's faces, 0 where `faces` is 0.
    """

    faces: IndexArray
    confidence: Exact
    accuracy: Exact


def reliability(answers: FloatArray, truth: IndexArray, bins: int = BINS) -> Reliability:
    """Return the points of a reliability diagram.

    Bin m of M holds confidences in ((m-1)/M, m/M].
    """
    confidence = answers.max(axis=1).astype(np.float64)
    right = (answers.argmax(axis=1) == truth).astype(np.float64)
    edges = np.linspace(0, 1, bins + 1)[1:-1]
    place = np.searchsorted(edges, confidence, side="left")
    faces, sure, hits = (
        np.bincount(place, weights, bins) for weights in (np.ones_like(right), confidence, right)
    )
    return Reliability(faces.astype(np.intp), _divided(sure, faces), _divided(hits, faces))


def expected_calibration_error(answers: FloatArray, truth: IndexArray, bins: int = BINS) -> float:
    """Return the mean gap between confidence and accuracy over bins of confidence.

    Bins are weighted by their number of faces: Guo et al. 2017, arXiv 1706.04599, equation 3.
    """
    found = reliability(answers, truth, bins)
    apart = np.abs(found.accuracy - found.confidence)
    return float((found.faces * apart).sum() / max(1, found.faces.sum()))


def score(answers: FloatArray, truth: tuple[str, ...], labels: tuple[str, ...]) -> dict[str, Any]:
    """Return all metrics, rounded, for JSON; None for an undefined figure.

    `truth` holds names from `labels` only.
    """
    indices = np.array([labels.index(name) for name in truth], np.intp)
    matrix = confusion(answers, indices)
    by_class, areas = class_scores(matrix), roc_aucs(answers, indices)
    known = areas[np.isfinite(areas)]
    return {
        "faces": len(truth),
        "accuracy": round(accuracy(matrix), 4),
        "balanced_accuracy": round(balanced_accuracy(matrix), 4),
        "roc_auc": round(float(known.mean()), 4) if known.size else None,
        "calibration_error": round(expected_calibration_error(answers, indices), 4),
        "classes": {
            name: {
                "precision": round(float(by_class.precision[row]), 4),
                "recall": round(float(by_class.recall[row]), 4),
                "f1": round(float(by_class.f1[row]), 4),
                "roc_auc": round(float(areas[row]), 4) if np.isfinite(areas[row]) else None,
                "faces": int(by_class.faces[row]),
            }
            for row, name in enumerate(labels)
        },
        "confusion": matrix.tolist(),
    }


def _divided(
    above: npt.NDArray[np.float64 | np.intp], below: npt.NDArray[np.float64 | np.intp]
) -> Exact:
    result: Exact = np.divide(above, below, out=np.zeros(len(above)), where=below > 0)
    return result
