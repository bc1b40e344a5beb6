"""All pictures of all sources in one list, before they are split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from convert.damage import printable
from convert.faces.splits import Picture, Split
from convert.faces.subjects import subject_of
from convert.labels import CONTEMPT, FERPLUS, fer_order
from convert.training.data_sources import data_sources
from edge.errors import RefusedFile, suggest
from edge.expressions.classifier import prepare
from edge.labels import canonical
from edge.records import ByteArray, FloatArray

#: Minimum share of labels that the majority of votes confirms: it was 63 % with FER2013's own
#: FER+ votes, and a fifth with those of other pictures.
MIN_VOTE_AGREEMENT = 0.4
NO_VOTES = np.zeros(len(FERPLUS), np.float32)


class Item(NamedTuple):
    """A picture to train on or to validate on."""

    pixels: ByteArray
    """uint8 `(side, side)`."""
    label: str
    votes: FloatArray
    """float32 `(10,)`, in the order of `FERPLUS`; zeros where there are none."""
    validation: bool
    """Whether its source puts it in the validation split."""
    source: Path
    digest: bytes
    """SHA-256 of the original size and pixels: equal for exact copies."""
    subject: str
    """Who is in it, "" where its name does not say."""
    blank: bool
    """Whether all its pixels are equal."""


@dataclass(frozen=True)
class Pool:
    """All items of the sources; of test splits only the digests."""

    items: list[Item]
    test_digests: set[bytes]
    notes: list[str]


def known_classes(contempt: bool) -> tuple[str, ...]:
    """Return the classes to learn, in FER2013's order, then contempt if requested."""
    return (*fer_order(), CONTEMPT) if contempt else fer_order()


def pooled(paths: Sequence[Path], side: int, contempt: bool) -> Pool:
    """Load the pictures of `paths`, resized to `(side, side)`.

    Pictures of contempt are dropped unless requested. Raises `UsageError` for a missing path,
    `RefusedFile` for data that cannot be used.
    """
    pool = Pool([], set(), [])
    for source in data_sources(paths):
        origin, dropped = source.origin, 0
        items: list[Item] = []
        for picture in source.pictures(known_classes(contempt)):
            digest = _digest(picture.pixels)
            if picture.split is Split.TEST:
                pool.test_digests.add(digest)
            elif _wanted(picture, source.path, contempt):
                items.append(_item(picture, origin, digest, side))
            else:
                dropped += 1
        pool.items.extend(items)
        pool.notes.extend((*source.notes, *_notes(source.path, items, dropped)))
    return pool


def _notes(path: Path, items: Sequence[Item], dropped: int) -> Iterator[str]:
    """Yield notes about a source; raise `RefusedFile` if nothing in it is usable."""
    if not items:
        reason = "contempt, which is dropped" if dropped else "without a class, or test pictures"
        raise RefusedFile(f"{path}: no pictures to train or validate on; all are {reason}")
    if dropped:
        yield f"{path.name}: dropped, {CONTEMPT}: {dropped}"
    voted = [item for item in items if item.votes.any()]
    if voted:
        agreeing = sum(canonical(FERPLUS[item.votes.argmax()]) == item.label for item in voted)
        agreement = agreeing / len(voted)
        doubt = "" if agreement > MIN_VOTE_AGREEMENT else "; do the votes belong to these pictures?"
        yield f"{path.name}: FER+'s majority agrees with {agreement:.0%} of the labels{doubt}"


def _wanted(picture: Picture, path: Path, contempt: bool) -> bool:
    """Return whether to learn a picture; raise `RefusedFile` for an unknown class."""
    known = known_classes(contempt=True)
    if picture.label in known:
        return contempt or picture.label != CONTEMPT
    where, label = f"{path}: {printable(picture.name)}", printable(picture.label)
    if not label:
        raise RefusedFile(f"{where}: no label; training needs one for each picture")
    raise RefusedFile(f"{where}: unknown label '{label}'; {suggest(label, known)}")


def _item(picture: Picture, source: Path, digest: bytes, side: int) -> Item:
    return Item(
        prepare(picture.pixels, (1, side, side, 1))[0, :, :, 0],
        picture.label,
        NO_VOTES if picture.votes is None else picture.votes,
        picture.split is Split.VALIDATION,
        source,
        digest,
        subject_of(picture.name),
        bool(picture.pixels.min() == picture.pixels.max()),
    )


def _digest(pixels: ByteArray) -> bytes:
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()
