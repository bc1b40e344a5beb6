"""The data to train and validate on, without leaks between the splits.

The split is never by row position. A source's own validation split (FER2013's PublicTest, a folder
`validation`) is used as it is. From a source without one, about a tenth is chosen by a hash: of the
subject where names say who is in a picture (CK+), so that nobody is in both; otherwise of the
picture's pixels. Test splits (PrivateTest, a folder `test`) are used for neither training nor
validation, only to find copies of their pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convert.labels import CONTEMPT, FERPLUS, fer_order
from convert.training.pool import Item, known_classes, pooled
from convert.training.splitting import divided
from edge.errors import RefusedFile, UsageError
from edge.labels import canonical
from edge.records import ByteArray, FloatArray


@dataclass(frozen=True)
class Samples:
    """N pictures with their labels and votes."""

    pixels: ByteArray
    """uint8 `(N, side, side)`."""
    labels: npt.NDArray[np.int64]
    """int64 `(N,)`, indices into the classes."""
    votes: FloatArray
    """float32 `(N, classes)`: how many of FER+'s taggers saw each class; zeros without votes."""


@dataclass(frozen=True)
class Dataset:
    """Both splits; `notes` say what was done to the data, one line each."""

    classes: tuple[str, ...]
    train: Samples
    validation: Samples
    notes: tuple[str, ...]


def load(paths: Sequence[Path], side: int, contempt: bool = False) -> Dataset:
    """Load the pictures of all `paths`, merged by class name, as `(side, side)`.

    The classes are those that have pictures, in FER2013's order, contempt last: with FER2013 all
    seven, with only CK+ six, as it has no neutral. Pictures of contempt are dropped unless
    requested. Training leaves out copies of validation and test pictures, blank pictures, and those
    in which most of FER+'s taggers saw no face. Validation is left as it is.

    Raises `UsageError` for a missing path or counterpart, `RefusedFile` for damaged files, unknown
    labels, and data that no model can be trained or validated with.
    """
    if not paths:
        raise UsageError("no data given; give a FER2013 csv, an npz, or a folder of class folders")
    pool = pooled(paths, side, contempt)
    _check_common(pool.items)
    train, validation, notes = divided(pool.items)
    train, left_out = _suitable(train, {item.digest for item in validation}, pool.test_digests)
    classes = _classes(train, validation, contempt, ", ".join(map(str, paths)))
    counts = [
        _counted("training", train, classes),
        _counted("validation", validation, classes),
        *(f"no pictures of {name}: not a class" for name in fer_order() if name not in classes),
    ]
    return Dataset(
        classes,
        _samples(train, classes),
        _samples(validation, classes),
        (*pool.notes, *notes, *left_out, *counts),
    )


def _suitable(
    items: Sequence[Item], validation: set[bytes], test: set[bytes]
) -> tuple[list[Item], list[str]]:
    """Return the items to train on, and notes about the others."""
    notes = []
    rules: dict[str, Callable[[Item], bool]] = {
        "blank pictures": lambda item: item.blank,
        "not a face according to most FER+ taggers": _no_face,
        "exact copies of validation pictures": lambda item: item.digest in validation,
        "exact copies of test pictures": lambda item: item.digest in test,
    }
    for reason, applies in rules.items():
        kept = [item for item in items if not applies(item)]
        if len(kept) < len(items):
            notes.append(f"left out of training, {reason}: {len(items) - len(kept)}")
        items = kept
    return list(items), [*notes, *_copies(items)]


def _copies(items: Sequence[Item]) -> Iterator[str]:
    """Yield a note about pictures that occur more than once; they are kept."""
    labels: dict[bytes, list[str]] = {}
    for item in items:
        labels.setdefault(item.digest, []).append(item.label)
    copied = [names for names in labels.values() if len(names) > 1]
    conflicting = [names for names in copied if len(set(names)) > 1]
    if copied:
        yield (
            f"kept in training, exact copies of each other: {sum(map(len, copied))},"
            f" of those with different labels: {sum(map(len, conflicting))}"
        )


def _no_face(item: Item) -> bool:
    return bool(item.votes[FERPLUS.index("NF")] * 2 > item.votes.sum())


def _classes(
    train: Sequence[Item], validation: Sequence[Item], contempt: bool, where: str
) -> tuple[str, ...]:
    """Return the classes that have pictures; raise where one lacks them in a split."""
    trained, validated = ({item.label for item in part} for part in (train, validation))
    classes = tuple(name for name in known_classes(contempt) if name in trained | validated)
    if len(classes) < 2:
        raise RefusedFile(f"{where}: all pictures are {classes[0]}; training needs two classes")
    if contempt and CONTEMPT not in classes:
        raise UsageError(f"{where}: --contempt, but no pictures of {CONTEMPT}")
    for name in classes:
        if name not in trained:
            raise RefusedFile(
                f"{where}: no training pictures of {name}; add some, or remove the class"
            )
        if name not in validated:
            raise RefusedFile(f"{where}: no validation pictures of {name}; add some")
    return classes


def _check_common(items: Sequence[Item]) -> None:
    """Refuse a source that shares no class with any other."""
    labels: dict[Path, set[str]] = {}
    for item in items:
        labels.setdefault(item.source, set()).add(item.label)
    for source, own in labels.items():
        others = set().union(*(seen for other, seen in labels.items() if other != source))
        if others and not own & others:
            raise RefusedFile(
                f"{source}: none of its classes ({', '.join(sorted(own))}) is among those of the"
                f" other data ({', '.join(sorted(others))}); train on one of them"
            )


def _counted(what: str, items: Sequence[Item], classes: tuple[str, ...]) -> str:
    counts = Counter(item.label for item in items)
    return f"{what}: {len(items)} (" + ", ".join(f"{name} {counts[name]}" for name in classes) + ")"


def _samples(items: Sequence[Item], classes: tuple[str, ...]) -> Samples:
    columns = [[canonical(name) for name in FERPLUS].index(label) for label in classes]
    return Samples(
        np.stack([item.pixels for item in items]),
        np.array([classes.index(item.label) for item in items], np.int64),
        np.stack([item.votes for item in items])[:, columns],
    )
