"""The card that travels inside a `.tflite`: a ZIP at the file's end, `labels.txt` and `card.json`.

A TFLite file is a FlatBuffer, whose readers start at the front and ignore what follows; a ZIP is
read from the back. TFLite Metadata uses the same trick, so every runtime still loads the file and
`unzip -p model.tflite card.json` prints the card.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from edge.errors import FLEETING, ModelError, Problem

_ALIASES = {
    "anger": "angry",
    "mad": "angry",
    "disgusted": "disgust",
    "disgusting": "disgust",
    "afraid": "fear",
    "fearful": "fear",
    "scared": "fear",
    "happiness": "happy",
    "happily": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "surprising": "surprise",
    "contemptuous": "contempt",
    "natural": "neutral",
}


#: What zipfile and json raise for damaged, encrypted and hostile archives.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,  # and its kinds NotImplementedError, RecursionError
    ValueError,
)


#: What a card may have; ours have three thousand.
_CARD_BYTES = 1 << 20
_WORD = re.compile(r"[^\s,\"]+")


def canonical(label: str) -> str:
    """The one name of an emotion: lower case, `_` for spaces, common aliases mapped."""
    plain = "_".join(label.strip().lower().replace("-", " ").replace("_", " ").split())
    return _ALIASES.get(plain, plain)


@dataclass(frozen=True)
class ModelCard:
    """What the Pi must know about a model, and where the model came from.

    `input_shape` is NHWC with N = 1, raw uint8 pixels; C is 1, or 3 for a gray picture repeated.
    `crop_margin` is the share of a face's box that is added on each side before cropping.
    `source_sha256` is of the file that was converted. `agreement` is the share of pictures on which
    the int8 file and the float model answer alike; `accuracy` is that of the int8 file; None where
    nobody measured. `more` holds everything else the converter found out.
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
        """The content of `card.json`."""
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


def with_card(tflite: bytes, card: ModelCard) -> bytes:
    """The model `tflite` with `card` appended; the same input gives the same bytes.

    A checksum of `tflite` goes into the card (`tflite_sha256`), so that a damaged file is noticed
    before a runtime is asked to read it.
    """
    content = {**card.as_dict(), "tflite_sha256": hashlib.sha256(tflite).hexdigest()}
    buffer = io.BytesIO(tflite)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        labels = "".join(f"{label}\n" for label in card.labels)
        archive.writestr(zipfile.ZipInfo("labels.txt"), labels)
        archive.writestr(zipfile.ZipInfo("card.json"), json.dumps(content, indent=2) + "\n")
    return buffer.getvalue()


def read_card(path: Path) -> ModelCard:
    """The card of the model at `path`.

    Raises `ModelError` where the file is missing, is no TFLite file, has no card (as when its end
    was cut off), or was changed since the card was written; `Problem` where reading fails.
    """
    try:
        if path.exists() and not path.is_dir() and not path.is_file():
            raise ModelError(f"{path}: cannot read the model: it is a device or a pipe")
        content = path.read_bytes()
    except OSError as error:
        kind = Problem if error.errno in FLEETING else ModelError  # a restart may mend the first
        raise kind(f"{path}: cannot read the model: {error.strerror}") from error
    if content[4:8] != b"TFL3":
        raise ModelError(f"{path}: not a TFLite file; make one with: fer-convert MODEL")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            start = min(entry.header_offset for entry in archive.infolist())
            with archive.open("card.json") as file:
                text = file.read(_CARD_BYTES + 1)
            if len(text) > _CARD_BYTES:  # a few bytes of an archive may become gigabytes
                raise ModelError(f"{path}: card.json: must not have over {_CARD_BYTES} bytes")
            card = json.loads(text)
    except _UNREADABLE as error:
        raise ModelError(
            f"{path}: no model card inside: the file is cut short, or was not made by fer-convert"
        ) from error
    if not isinstance(card, dict):
        raise ModelError(f"{path}: card.json: must be one JSON object")
    digest = card.pop("tflite_sha256", None)
    if digest is not None and digest != hashlib.sha256(content[:start]).hexdigest():
        raise ModelError(f"{path}: the file is damaged (its checksum is wrong); copy it again")
    return _parse(card, path)


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
    "source_sha256": (lambda value: isinstance(value, str), "a text"),
    "converter_version": (lambda value: isinstance(value, str), "a text"),
    "agreement": (lambda value: value is None or _number(value), "a number from 0 to 1"),
    "accuracy": (lambda value: value is None or _number(value), "a number from 0 to 1"),
}
