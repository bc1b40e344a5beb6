"""Figures of merit, each from probabilities `(N, classes)` and the indices of the true classes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.records import FloatArray

IndexArray = npt.NDArray[np.intp]
Exact = npt.NDArray[np.float64]
#: Guo et al. 2017 have as many.
BINS = 15


def confusion(answers: FloatArray, truth: IndexArray) -> IndexArray:
    """How often each class was answered: int `(classes, classes)`, rows truth, columns answers."""
    classes = answers.shape[1]
    matrix = np.zeros((classes, classes), np.intp)
    np.add.at(matrix, (truth, answers.argmax(axis=1)), 1)
    return matrix


def accuracy(matrix: IndexArray) -> float:
    """The share of right answers; 0 where nothing was asked."""
    return float(matrix.trace() / max(1, matrix.sum()))


class ClassScores(NamedTuple):
    """Per class, float64 `(classes,)` each; 0 where there is nothing to divide by.

    `precision`: of the answers of this class, the share that is right. `recall`: of the faces of
    this class, the share that is found. `f1`: their harmonic mean (van Rijsbergen 1979). `faces`,
    the support: how many faces are of this class.
    """

    precision: Exact
    recall: Exact
    f1: Exact
    faces: IndexArray


def class_scores(matrix: IndexArray) -> ClassScores:
    """Of a confusion matrix (Sokolova and Lapalme 2009, table 3, one class against the rest)."""
    hits, asked, given = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    precision, recall = _divided(hits, given), _divided(hits, asked)
    f1 = _divided(2 * precision * recall, precision + recall)
    return ClassScores(precision, recall, f1, asked)


def balanced_accuracy(matrix: IndexArray) -> float:
    """The mean of the recalls of the classes that were asked for (Brodersen et al. 2010)."""
    scores = class_scores(matrix)
    asked = scores.faces > 0
    return float(scores.recall[asked].mean()) if asked.any() else 0.0


def roc_auc(scores: FloatArray, positive: npt.NDArray[np.bool_]) -> float:
    """The area under the ROC curve: how often a positive scores above a negative, ties half.

    Both arguments are `(N,)`. By the sum R of the positives' ranks, ties sharing their mean rank:
    (R - p(p+1)/2) / (p n) for p positives and n negatives (Mann and Whitney 1947; Fawcett 2006,
    section 7). NaN where there are no positives or no negatives.
    """
    many = int(positive.sum())
    others = len(positive) - many
    if not many or not others:
        return float("nan")
    _, group, size = np.unique(scores, return_inverse=True, return_counts=True)
    midranks = np.cumsum(size) - (size - 1) / 2
    total = midranks[group][positive].sum()
    return float((total - many * (many + 1) / 2) / (many * others))


def roc_aucs(answers: FloatArray, truth: IndexArray) -> Exact:
    """`roc_auc` of each class against the rest: `(classes,)`, NaN for a class without faces.

    Their mean without the NaN, each class counting the same, is the macro average.
    """
    columns = range(answers.shape[1])
    return np.array([roc_auc(answers[:, column], truth == column) for column in columns])


def roc_curve(scores: FloatArray, positive: npt.NDArray[np.bool_]) -> tuple[Exact, Exact]:
    """False and true positive rates from (0, 0) to (1, 1), a point for each threshold.

    Faces of one score enter together (Fawcett 2006, algorithm 1). There must be positives and
    negatives.
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    last_of_score = np.append(np.diff(scores[order]) != 0, True)
    seen = np.arange(1, len(scores) + 1)[last_of_score]
    hits = hits[last_of_score]
    false, true = (seen - hits) / (~positive).sum(), hits / positive.sum()
    return np.append(0.0, false), np.append(0.0, true)


class Reliability(NamedTuple):
    """Faces by the confidence of their answer, in bins of equal width: `(bins,)` each.

    `confidence` and `accuracy` are means over the bin's faces, 0 where `faces` is 0.
    """

    faces: IndexArray
    confidence: Exact
    accuracy: Exact


def reliability(answers: FloatArray, truth: IndexArray, bins: int = BINS) -> Reliability:
    """A reliability diagram's points; bin m of M holds confidences in ((m-1)/M, m/M]."""
    confidence = answers.max(axis=1).astype(np.float64)
    right = (answers.argmax(axis=1) == truth).astype(np.float64)
    edges = np.linspace(0, 1, bins + 1)[1:-1]
    place = np.searchsorted(edges, confidence, side="left")
    faces, sure, hits = (
        np.bincount(place, weights, bins) for weights in (np.ones_like(right), confidence, right)
    )
    return Reliability(faces.astype(np.intp), _divided(sure, faces), _divided(hits, faces))


def expected_calibration_error(answers: FloatArray, truth: IndexArray, bins: int = BINS) -> float:
    """Mean distance between confidence and accuracy, each bin weighed by its faces.

    Guo et al. 2017, arXiv 1706.04599, equation 3.
    """
    found = reliability(answers, truth, bins)
    apart = np.abs(found.accuracy - found.confidence)
    return float((found.faces * apart).sum() / max(1, found.faces.sum()))


def score(answers: FloatArray, truth: tuple[str, ...], labels: tuple[str, ...]) -> dict[str, Any]:
    """All of these, rounded, for cards and JSON; None where a figure cannot be had.

    `truth` holds names from `labels` only.
    """
    wanted = np.array([labels.index(name) for name in truth], np.intp)
    matrix = confusion(answers, wanted)
    by_class, areas = class_scores(matrix), roc_aucs(answers, wanted)
    known = areas[np.isfinite(areas)]
    return {
        "faces": len(truth),
        "accuracy": round(accuracy(matrix), 4),
        "balanced_accuracy": round(balanced_accuracy(matrix), 4),
        "roc_auc": round(float(known.mean()), 4) if known.size else None,
        "calibration_error": round(expected_calibration_error(answers, wanted), 4),
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
