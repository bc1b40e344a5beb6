"""What every source of labelled faces yields: pixels, class and split."""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from edge.records import ByteArray, FloatArray


class Split(Enum):
    """What a picture is for: training, model selection, or a final test."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


ALL_SPLITS = frozenset(Split)
#: The names that folders, the `x_` arrays of an npz and FER2013's Usage column give to splits.
_SPLITS = MappingProxyType(
    {
        "train": Split.TRAIN,
        "training": Split.TRAIN,
        "validation": Split.VALIDATION,
        "valid": Split.VALIDATION,
        "val": Split.VALIDATION,
        "public": Split.VALIDATION,
        "publictest": Split.VALIDATION,
        "test": Split.TEST,
        "testing": Split.TEST,
        "private": Split.TEST,
        "privatetest": Split.TEST,
    }
)


class Picture(NamedTuple):
    """One picture of a source."""

    pixels: ByteArray
    """uint8 `(height, width)`, gray."""
    label: str
    """The canonical name of its class, "" where the source does not say."""
    split: Split
    name: str
    """Where it is in its source, for messages; ends in the file's name if it has one."""
    votes: FloatArray | None = None
    """float32 `(10,)`, in the order of `convert.labels.FERPLUS`."""


def split_named(name: str) -> Split | None:
    """Return the split that the name of a folder, an array or a Usage means, or None."""
    return _SPLITS.get(name.strip().lower())
