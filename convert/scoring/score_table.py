"""Scores as text for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

WIDTH = 80
#: Longer class names are truncated.
MAX_NAME = 12


def lines(kind: str, scores: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of one model's scores; `kind` is `int8` or `float`."""
    yield f"{kind:<6} accuracy {scores['accuracy']:.2%} of {scores['faces']} faces"
    area = scores["roc_auc"]
    yield (
        f"       balanced accuracy {scores['balanced_accuracy']:.2%},"
        f" ROC-AUC {'-' if area is None else f'{area:.4f}'},"
        f" calibration error {scores['calibration_error']:.4f}"
    )
    if "subjects" in scores:
        found = scores["subjects"]
        yield f"       mean over {found['people']} people {found['accuracy']:.2%}"
    if "accuracy_of_data_classes" in scores:
        yield (
            f"       {scores['accuracy_of_data_classes']:.2%} with answers restricted to classes in"
            " the data"
        )
    yield ""
    if "degraded" in scores:
        yield from _conditions(scores)
        yield ""
    yield from _classes(scores["classes"])
    yield ""
    yield from _confusion(list(scores["classes"]), scores["confusion"])


def _conditions(scores: dict[str, Any]) -> Iterator[str]:
    """Yield a row per condition: accuracy, calibration, and what readings are worth."""
    of_four = scores["mean_of_four"]
    rows = {"unchanged": scores, **scores["degraded"], "mean of the first four of these": of_four}
    # The last three columns are shares of the faces of a kind.
    yield f"{'':<33} {'':>8} {'calibr.':>8}   read as negative, of"
    heads = ("accuracy", "error", "neutral", "happy", "negative")
    yield f"{'condition':<33} " + " ".join(f"{head:>8}" for head in heads)
    for name, of in rows.items():
        shares = [of.get(key) for key in ("neutral_negative", "happy_negative", "negative_kept")]
        yield f"{name:<33} {of['accuracy']:>8.2%} {of['calibration_error']:>8.4f} " + " ".join(
            f"{'-' if share is None else f'{share:.1%}':>8}" for share in shares
        )


def _classes(classes: dict[str, Any]) -> Iterator[str]:
    first = _first_width(classes)
    yield f"{'class':<{first}} precision   recall       F1  ROC-AUC    faces"
    for name, of in classes.items():
        area = "-" if of["roc_auc"] is None else f"{of['roc_auc']:.4f}"
        yield (
            f"{_truncated(name, first):<{first}} {of['precision']:>9.2%} {of['recall']:>8.2%}"
            f" {of['f1']:>8.2%} {area:>8} {of['faces']:>8}"
        )


def _confusion(names: list[str], matrix: list[list[int]]) -> Iterator[str]:
    corner = "true \\ answer"
    first = max(_first_width(names), len(corner))
    room = (WIDTH - first) // len(names)
    width = max(len(str(max(map(max, matrix)))), min(MAX_NAME, room - 1))
    heads = " ".join(f"{_truncated(name, width):>{width}}" for name in names)
    yield f"{corner:<{first}} {heads}"
    for name, row in zip(names, matrix, strict=True):
        yield f"{_truncated(name, first):<{first}} " + " ".join(
            f"{count:>{width}}" for count in row
        )


def _first_width(names: Any) -> int:
    return min(MAX_NAME, max(5, *(len(name) for name in names)))


def _truncated(name: str, width: int) -> str:
    return name if len(name) <= width else name[: max(1, width - 1)] + "…"
