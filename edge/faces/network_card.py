"""The card of a face detector, `card.json` in its file (see `edge.tflite`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from edge import tflite
from edge.errors import ModelError

KIND = "face-detector"


class Level(NamedTuple):
    """One of the network's grids: a cell every `stride` pixels, boxes around `base_px`."""

    stride: int
    base_px: float


class Geometry(NamedTuple):
    """From the network's box to the square that OpenCV's Haar cascade draws on the same face.

    In shares of the box's height: `right` and `down` move its centre, `side` is the square's.
    """

    right: float
    down: float
    side: float


@dataclass(frozen=True)
class NetworkCard:
    """How to use a face detector.

    Outputs are named `score<stride>` and `box<stride>` for each of `levels`. `threshold` and
    `frontal_threshold` are probabilities from which a box counts as a face, and a face as turned
    to the camera. Input sizes must be multiples of `multiple`; gray beside a picture is `pad`.
    `more` holds the training data and their terms, figures, and whatever else is known.
    """

    levels: tuple[Level, ...]
    threshold: float
    frontal_threshold: float
    to_haar: Geometry
    multiple: int
    pad: int
    more: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def as_dict(self) -> dict[str, Any]:
        """Return the content of `card.json`."""
        return {
            "kind": KIND,
            "levels": [level._asdict() for level in self.levels],
            "threshold": self.threshold,
            "frontal_threshold": self.frontal_threshold,
            "to_haar": self.to_haar._asdict(),
            "multiple": self.multiple,
            "pad": self.pad,
            **self.more,
        }


def with_card(model: bytes, card: NetworkCard) -> bytes:
    """Return the TFLite `model` with `card` appended (see `edge.tflite.append_card`)."""
    return tflite.append_card(model, card.as_dict(), {})


def read_card(path: Path) -> NetworkCard:
    """Return the card of the face detector at `path`.

    Raises `ModelError` where it is not a face detector, and as `edge.tflite.read_card` does.
    """
    card = tflite.read_card(path)
    if card.pop("kind", None) != KIND:
        raise ModelError(f"{path}: not a face detector (card.json: kind must be '{KIND}')")
    for key, (valid, wanted) in _KEYS.items():
        if not valid(card.get(key)):
            raise ModelError(f"{path}: card.json: {key}: must be {wanted}")
    return NetworkCard(
        tuple(Level(level["stride"], level["base_px"]) for level in card.pop("levels")),
        float(card.pop("threshold")),
        float(card.pop("frontal_threshold")),
        Geometry(**card.pop("to_haar")),
        card.pop("multiple"),
        card.pop("pad"),
        MappingProxyType(card),
    )


def _number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _whole(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _levels(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= 8
        and all(isinstance(level, dict) for level in value)
        and all(set(level) == {"stride", "base_px"} for level in value)
        and all(_whole(level["stride"], 1, 256) for level in value)
        and all(_number(level["base_px"], 1, 4096) for level in value)
    )


def _geometry(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == set(Geometry._fields)
        and all(_number(value[key], -1, 1) for key in ("right", "down"))
        and _number(value["side"], 0.1, 10)
    )


_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "levels": (_levels, "a list of {stride, base_px}"),
    "threshold": (lambda value: _number(value, 0.01, 0.99), "a number from 0.01 to 0.99"),
    "frontal_threshold": (lambda value: _number(value, 0.01, 0.99), "a number from 0.01 to 0.99"),
    "to_haar": (_geometry, "{right, down, side}, in shares of the box's height"),
    "multiple": (lambda value: _whole(value, 1, 256), "a whole number from 1 to 256"),
    "pad": (lambda value: _whole(value, 0, 255), "a whole number from 0 to 255"),
}
