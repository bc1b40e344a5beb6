"""All pictures of all sources in one list, before they are divided."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import numpy as np

from convert import npz
from convert.labels import CONTEMPT, fer_order
from convert.parts import FERPLUS, Part, Picture, part_named, readable
from edge.classifier import prepare
from edge.errors import RefusedFile, UsageError
from edge.records import ByteArray, FloatArray

#: How CK+ (Lucey et al. 2010) names its pictures: subject, sequence, frame.
CKPLUS = re.compile(r"(S\d{3})_\d{3}_\d{8}")
WHERE_TO_GET = (
    "FER2013 is on Kaggle: challenges-in-representation-learning-facial-expression-recognition-"
    "challenge, fer2013.csv or icml_face_data.csv; the votes of FER+ are fer2013new.csv of"
    " microsoft/FERPlus on GitHub; put them anywhere and give the path"
)
NO_VOTES = np.zeros(len(FERPLUS), np.float32)


class Item(NamedTuple):
    """A picture to learn from or to choose by."""

    pixels: ByteArray
    """uint8 `(side, side)`."""
    label: str
    votes: FloatArray
    """float32 `(10,)`, in the order of `FERPLUS`; zeros where there are none."""
    validation: bool
    """Whether its source says that it is for validation."""
    source: Path
    digest: bytes
    """SHA-256 of size and pixels as they came: equal for exact copies."""
    subject: str
    """Who is on it, "" where its name does not say."""
    blank: bool
    """Whether all its pixels are alike."""


@dataclass(frozen=True)
class Pool:
    """All that the sources hold; of their test parts only what copies would look like."""

    items: tuple[Item, ...]
    kept_back: frozenset[bytes]
    """The digests of the pictures in test parts."""
    notes: tuple[str, ...]


def known_classes(contempt: bool) -> tuple[str, ...]:
    """The classes that can be learnt: FER2013's in its order, and contempt at the end if wanted."""
    return (*fer_order(), CONTEMPT) if contempt else fer_order()


def pooled(paths: Sequence[Path], side: int, contempt: bool) -> Pool:
    """What `paths` hold, as `(side, side)`; pictures of contempt only if wanted.

    Raises `UsageError` where there is nothing at a path, `RefusedFile` for what cannot be used.
    """
    items: list[Item] = []
    kept_back: set[bytes] = set()
    notes: list[str] = []
    for path in paths:
        dropped: Counter[str] = Counter()
        before = len(items)
        for picture in _pictures(path, known_classes(contempt)):
            digest = _digest(picture.pixels)
            if picture.part is Part.TEST:
                kept_back.add(digest)
            elif _wanted(picture, path, contempt):
                items.append(_item(picture, origin(path), digest, side))
            else:
                dropped[picture.label] += 1
        notes += [f"{path.name}: {n} pictures of {label} dropped" for label, n in dropped.items()]
        if len(items) == before:
            raise RefusedFile(f"{path}: no picture to train on in it")
    return Pool(tuple(items), frozenset(kept_back), tuple(notes))


def origin(path: Path) -> Path:
    """The folder whose part `path` is, where its name says so (`faces/train`); else `path`."""
    whole = path.resolve()
    return whole.parent if part_named(whole.name) and whole.is_dir() else whole


def _pictures(path: Path, names: Sequence[str]) -> Iterator[Picture]:
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder; {WHERE_TO_GET}")
    with readable(path):
        yield from npz.pictures(path, names)


def _wanted(picture: Picture, path: Path, contempt: bool) -> bool:
    """Whether to learn its class; raises `RefusedFile` where nobody knows such a class."""
    known = known_classes(contempt=True)
    if picture.label in known:
        return contempt or picture.label != CONTEMPT
    if not picture.label:
        raise RefusedFile(f"{path}: {picture.name}: has no label; training needs one a picture")
    close = get_close_matches(picture.label, known, 1)
    meant = f"; did you mean {close[0]!r}?" if close else f"; wanted one of {', '.join(known)}"
    raise RefusedFile(f"{path}: {picture.name}: unknown label {picture.label!r}{meant}")


def _item(picture: Picture, source: Path, digest: bytes, side: int) -> Item:
    subject = CKPLUS.match(Path(picture.name).name)
    return Item(
        prepare(picture.pixels, (1, side, side, 1))[0, :, :, 0],
        picture.label,
        NO_VOTES if picture.votes is None else picture.votes,
        picture.part is Part.VALIDATION,
        source,
        digest,
        subject[1] if subject else "",
        bool(picture.pixels.min() == picture.pixels.max()),
    )


def _digest(pixels: ByteArray) -> bytes:
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()
