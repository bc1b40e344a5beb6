"""The card of an expression model, `labels.txt` and `card.json` in its file (see `edge.tflite`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from edge import tflite
from edge.errors import ModelError

_WORD = re.compile(r"[^\s,\"]+")


@dataclass(frozen=True)
class ModelCard:
    """What the Pi must know about a model, and where the model came from.

    `input_shape` is NHWC with N = 1, raw uint8 pixels; C is 1, or 3 for a gray picture repeated.
    `crop_margin` is the share of a face's box that is added on each side before cropping.
    `source_sha256` is of the file that was converted. `agreement` is the share of pictures on which
    the int8 file and the float model answer alike; `accuracy` is that of the int8 file; None where
    it was not measured. `more` holds everything else the converter found out.
    """

    labels: tuple[str, ...]
    input_shape: tuple[int, int, int, int]
    crop_margin: float
    source_sha256: str
    converter_version: str
    agreement: float | None = None
    accuracy: float | None = None
    more: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def as_dict(self) -> dict[str, Any]:
        """Return the content of `card.json`."""
        return {
            "labels": list(self.labels),
            "input_shape": list(self.input_shape),
            "crop_margin": self.crop_margin,
            "source_sha256": self.source_sha256,
            "converter_version": self.converter_version,
            "agreement": self.agreement,
            "accuracy": self.accuracy,
            **self.more,
        }


def with_card(model: bytes, card: ModelCard) -> bytes:
    """Return the TFLite `model` with `card` appended (see `edge.tflite.append_card`)."""
    labels = "".join(f"{label}\n" for label in card.labels)
    return tflite.append_card(model, card.as_dict(), {"labels.txt": labels})


def read_card(path: Path) -> ModelCard:
    """Return the card of the model at `path`; raises as `edge.tflite.read_card` does."""
    return _parse(tflite.read_card(path), path)


def _parse(card: dict[str, Any], path: Path) -> ModelCard:
    for key, (valid, wanted) in _KEYS.items():
        if not valid(card.get(key)):
            raise ModelError(f"{path}: card.json: {key}: must be {wanted}")
    return ModelCard(
        labels=tuple(card.pop("labels")),
        input_shape=tuple(card.pop("input_shape")),
        crop_margin=float(card.pop("crop_margin")),
        source_sha256=card.pop("source_sha256"),
        converter_version=card.pop("converter_version"),
        agreement=card.pop("agreement", None),
        accuracy=card.pop("accuracy", None),
        more=MappingProxyType(card),
    )


def _labels(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 1 < len(value) <= 1000
        and all(isinstance(label, str) and len(label) <= 64 for label in value)
        and all(_WORD.fullmatch(label) for label in value)
        and all(label.isprintable() for label in value)  # a CSV's header and MQTT carry them
        and len(set(value)) == len(value)
    )


def _shape(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(type(size) is int and 0 < size <= 4096 for size in value)
        and value[0] == 1
        and value[3] in (1, 3)
    )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "labels": (_labels, "a list of at least two different words, of 64 characters at most"),
    "input_shape": (_shape, "[1, height, width, 1 or 3]"),
    "crop_margin": (_number, "a number from 0 to 1"),
    "source_sha256": (lambda value: isinstance(value, str), "a string"),
    "converter_version": (lambda value: isinstance(value, str), "a string"),
    "agreement": (lambda value: value is None or _number(value), "a number from 0 to 1"),
    "accuracy": (lambda value: value is None or _number(value), "a number from 0 to 1"),
}
