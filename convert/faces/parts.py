"""What every source of labelled faces gives, picture by picture: pixels, class, part."""

from __future__ import annotations

import csv
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from edge.errors import RefusedFile, first_line
from edge.records import ByteArray, FloatArray


class Part(Enum):
    """What a picture is for: to learn from, to choose models by, or to be kept back."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


#: Letters that a message quotes out of a file, or from what a library says about it.
LONGEST = 120
ALL_PARTS = frozenset(Part)
#: What folders, the `x_` arrays of an npz and the Usage column of FER2013 call the parts.
_PARTS = MappingProxyType(
    {
        "train": Part.TRAIN,
        "training": Part.TRAIN,
        "validation": Part.VALIDATION,
        "valid": Part.VALIDATION,
        "val": Part.VALIDATION,
        "public": Part.VALIDATION,
        "publictest": Part.VALIDATION,
        "test": Part.TEST,
        "testing": Part.TEST,
        "private": Part.TEST,
        "privatetest": Part.TEST,
    }
)
#: The columns of FER+ (Barsoum et al. 2016, arXiv 1608.01041): how many taggers said what.
#: `NF` stands for no face.
FERPLUS = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
)


class Picture(NamedTuple):
    """One picture of a source."""

    pixels: ByteArray
    """uint8 `(height, width)`, gray."""
    label: str
    """The canonical name of its class, "" where the source does not say."""
    part: Part
    name: str
    """Where it is within its source, for messages; ends in the file's name where it has one."""
    votes: FloatArray | None = None
    """float32 `(10,)`, in the order of `FERPLUS`."""


def part_named(name: str) -> Part | None:
    """The part that a folder, an array or a Usage of this name holds; None for other names."""
    return _PARTS.get(name.strip().lower())


def shown(text: str) -> str:
    """Words out of a file, fit for a message of one line."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:LONGEST])


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns what libraries raise on damaged files into a `RefusedFile` that names `path`."""
    try:
        yield
    except csv.Error as error:
        raise RefusedFile(f"{path}: not a csv ({error})") from error
    except (
        OSError,
        ValueError,
        LookupError,
        EOFError,
        MemoryError,
        OverflowError,
        RuntimeError,
        struct.error,
        tokenize.TokenError,
        zlib.error,
        zipfile.BadZipFile,
    ) as error:
        reason = shown(first_line(error))  # zipfile quotes the whole of a broken name
        raise RefusedFile(f"{path}: cannot be read as faces ({reason})") from error
