"""How accurate a model is, class by class, as its card says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from edge.expressions.model_card import ModelCard


class ClassAccuracy(NamedTuple):
    """Shares, 0 to 1: of the faces with this label those recognised; of the answers those right."""

    label: str
    faces: int
    recognised: float
    right: float


class Accuracy(NamedTuple):
    """Of the int8 file; `overall` and `faces` are None, `classes` empty where not measured."""

    overall: float | None
    faces: int | None
    classes: tuple[ClassAccuracy, ...]


def of_card(card: ModelCard) -> Accuracy:
    """Return what `card` says, without what does not fit: it is somebody's file."""
    scores = _table(_table(card.more.get("evaluation")).get("int8"))
    classes = _table(scores.get("classes"))
    return Accuracy(
        card.accuracy,
        _whole(scores.get("faces")),
        tuple(found for label in card.labels if (found := _of_class(label, classes.get(label)))),
    )


def _of_class(label: str, scores: Any) -> ClassAccuracy | None:
    table = _table(scores)
    faces = _whole(table.get("faces"))
    recall, precision = _share(table.get("recall")), _share(table.get("precision"))
    if faces is None or recall is None or precision is None:
        return None
    return ClassAccuracy(label, faces, recall, precision)


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _whole(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _share(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and 0 <= value <= 1 else None
