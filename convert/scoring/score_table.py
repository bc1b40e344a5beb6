"""Scores as text for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

WIDTH = 80
#: Longer names of classes are cut.
LONGEST_NAME = 12


def lines(kind: str, scores: dict[str, Any]) -> Iterator[str]:
    """The figures of one model, as `metrics.score` and `evaluate` found them.

    `kind` is `int8` or `float`.
    """
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
            f"       {scores['accuracy_of_data_classes']:.2%} where only classes of the data may be"
            " answered"
        )
    for name, worse in scores.get("degraded", {}).items():
        yield f"       {name:<28} {worse['accuracy']:.2%}"
    yield ""
    yield from _classes(scores["classes"])
    yield ""
    yield from _confusion(list(scores["classes"]), scores["confusion"])


def _classes(classes: dict[str, Any]) -> Iterator[str]:
    first = _first_width(classes)
    yield f"{'class':<{first}} precision   recall       F1  ROC-AUC    faces"
    for name, of in classes.items():
        area = "-" if of["roc_auc"] is None else f"{of['roc_auc']:.4f}"
        yield (
            f"{_cut(name, first):<{first}} {of['precision']:>9.2%} {of['recall']:>8.2%}"
            f" {of['f1']:>8.2%} {area:>8} {of['faces']:>8}"
        )


def _confusion(names: list[str], matrix: list[list[int]]) -> Iterator[str]:
    corner = "true \\ said"
    first = max(_first_width(names), len(corner))
    room = (WIDTH - first) // len(names)
    width = max(len(str(max(map(max, matrix)))), min(LONGEST_NAME, room - 1))
    heads = " ".join(f"{_cut(name, width):>{width}}" for name in names)
    yield f"{corner:<{first}} {heads}"
    for name, row in zip(names, matrix, strict=True):
        yield f"{_cut(name, first):<{first}} " + " ".join(f"{count:>{width}}" for count in row)


def _first_width(names: Any) -> int:
    return min(LONGEST_NAME, max(5, *(len(name) for name in names)))


def _cut(name: str, width: int) -> str:
    return name if len(name) <= width else name[: max(1, width - 1)] + "…"
