"""All pictures of all sources in one list, before they are divided."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from convert.faces.parts import FERPLUS, Part, Picture, shown
from convert.labels import CONTEMPT, fer_order
from convert.training.sources import sources
from edge.classifier import prepare
from edge.errors import RefusedFile, meant
from edge.model_card import canonical
from edge.records import ByteArray, FloatArray

#: How CK+ (Lucey et al. 2010) names its pictures: subject, sequence, frame.
CKPLUS = re.compile(r"(S\d{3})_\d{3}_\d{8}")
#: Most taggers of FER+ agree with 63 % of FER2013's labels; with those of other pictures, a fifth.
LEAST_ALIKE = 0.4
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

    items: list[Item]
    kept_back: set[bytes]
    """The digests of the pictures in test parts."""
    notes: list[str]


def known_classes(contempt: bool) -> tuple[str, ...]:
    """The classes that can be learnt: FER2013's in its order, and contempt at the end if wanted."""
    return (*fer_order(), CONTEMPT) if contempt else fer_order()


def pooled(paths: Sequence[Path], side: int, contempt: bool) -> Pool:
    """What `paths` hold, as `(side, side)`; pictures of contempt only if wanted.

    Raises `UsageError` where there is nothing at a path, `RefusedFile` for what cannot be used.
    """
    pool = Pool([], set(), [])
    for source in sources(paths):
        origin, dropped = source.origin, 0
        items: list[Item] = []
        for picture in source.pictures(known_classes(contempt)):
            digest = _digest(picture.pixels)
            if picture.part is Part.TEST:
                pool.kept_back.add(digest)
            elif _wanted(picture, source.path, contempt):
                items.append(_item(picture, origin, digest, side))
            else:
                dropped += 1
        pool.items.extend(items)
        pool.notes.extend((*source.notes, *_told(source.path, items, dropped)))
    return pool


def _told(path: Path, items: Sequence[Item], dropped: int) -> Iterator[str]:
    """Notes about a source; `RefusedFile` where nothing of it can be used."""
    if not items:
        kept_back = "contempt, which is dropped" if dropped else "no class, or kept back for tests"
        raise RefusedFile(f"{path}: no picture to train on or to validate on; all are {kept_back}")
    if dropped:
        yield f"{path.name}: dropped, {CONTEMPT}: {dropped}"
    voted = [item for item in items if item.votes.any()]
    if voted:
        alike = sum(canonical(FERPLUS[item.votes.argmax()]) == item.label for item in voted)
        doubt = (
            "" if alike > LEAST_ALIKE * len(voted) else "; are the votes those of these pictures?"
        )
        yield (
            f"{path.name}: most taggers of FER+ agree with {alike / len(voted):.0%} of the labels"
            f"{doubt}"
        )


def _wanted(picture: Picture, path: Path, contempt: bool) -> bool:
    """Whether to learn its class; raises `RefusedFile` where nobody knows such a class."""
    known = known_classes(contempt=True)
    if picture.label in known:
        return contempt or picture.label != CONTEMPT
    where, label = f"{path}: {shown(picture.name)}", shown(picture.label)
    if not label:
        raise RefusedFile(f"{where}: has no label; training needs one a picture")
    raise RefusedFile(f"{where}: unknown label '{label}'; {meant(label, known)}")


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
