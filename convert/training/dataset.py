"""What to train on and what to choose by: from any sources, with the traps of such data removed.

The split is never by row position. A source's own validation part (FER2013's PublicTest, a folder
`validation`) is used as it is. Of a source that has none about a tenth is chosen by a hash: of the
subject where the names say who is on a picture (CK+), so that nobody is on both sides; else of the
picture's pixels. Test parts (PrivateTest, a folder `test`) are neither trained on nor chosen by;
only copies of their pictures are looked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convert.faces.parts import FERPLUS
from convert.labels import CONTEMPT, fer_order
from convert.training.pool import Item, known_classes, pooled
from convert.training.splitting import divided
from edge.errors import RefusedFile, UsageError
from edge.model_card import canonical
from edge.records import ByteArray, FloatArray


@dataclass(frozen=True)
class Split:
    """N pictures with what is on them."""

    pixels: ByteArray
    """uint8 `(N, side, side)`."""
    labels: npt.NDArray[np.int64]
    """int64 `(N,)`, indices into the classes."""
    votes: FloatArray
    """float32 `(N, classes)`: how many taggers of FER+ saw each class; zeros where none did."""


@dataclass(frozen=True)
class Dataset:
    """Both splits; `notes` tells people what was done to the data, a line each."""

    classes: tuple[str, ...]
    train: Split
    validation: Split
    notes: tuple[str, ...]


def load(paths: Sequence[Path], side: int, contempt: bool = False) -> Dataset:
    """The pictures of all `paths`, merged by the names of their classes, as `(side, side)`.

    The classes are those that have pictures, in FER2013's order, contempt last: with FER2013 all
    seven, with CK+ alone six, as it has no neutral. Pictures of contempt are dropped unless
    wanted. What is left out of training: copies of validation and test pictures, blank pictures,
    and those on which most taggers of FER+ saw no face. Validation is left as it is.

    Raises `UsageError` where a path or what belongs to it is missing, `RefusedFile` for damaged
    files, unknown labels, and data that no model can be trained or chosen with.
    """
    if not paths:
        raise UsageError("no data given; name a FER2013 csv, an npz, or a folder of class folders")
    pool = pooled(paths, side, contempt)
    _check_common(pool.items)
    train, validation, notes = divided(pool.items)
    train, left_out = _fit_to_learn(train, {item.digest for item in validation}, pool.kept_back)
    classes = _classes(train, validation, contempt, ", ".join(map(str, paths)))
    counts = [
        _counted("to train on", train, classes),
        _counted("to validate on", validation, classes),
        *(f"no picture of {name}: it is no class" for name in fer_order() if name not in classes),
    ]
    return Dataset(
        classes,
        _split(train, classes),
        _split(validation, classes),
        (*pool.notes, *notes, *left_out, *counts),
    )


def _fit_to_learn(
    items: Sequence[Item], validation: set[bytes], test: set[bytes]
) -> tuple[list[Item], list[str]]:
    """Those to train on, and notes about the others."""
    notes = []
    rules: dict[str, Callable[[Item], bool]] = {
        "blank pictures": lambda item: item.blank,
        "no face for most taggers of FER+": _no_face,
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
    """A note about pictures that are there more than once; they stay."""
    labels: dict[bytes, list[str]] = {}
    for item in items:
        labels.setdefault(item.digest, []).append(item.label)
    copied = [names for names in labels.values() if len(names) > 1]
    unlike = [names for names in copied if len(set(names)) > 1]
    if copied:
        yield (
            f"kept in training, exact copies of each other: {sum(map(len, copied))},"
            f" of those with different labels: {sum(map(len, unlike))}"
        )


def _no_face(item: Item) -> bool:
    return bool(item.votes[FERPLUS.index("NF")] * 2 > item.votes.sum())


def _classes(
    train: Sequence[Item], validation: Sequence[Item], contempt: bool, where: str
) -> tuple[str, ...]:
    """Those that have pictures; `Problem` where one lacks them on a side."""
    learnt, chosen = ({item.label for item in part} for part in (train, validation))
    classes = tuple(name for name in known_classes(contempt) if name in learnt | chosen)
    if len(classes) < 2:
        raise RefusedFile(f"{where}: all pictures are {classes[0]}; training needs two classes")
    if contempt and CONTEMPT not in classes:
        raise UsageError(f"{where}: no picture of {CONTEMPT}, which was asked for")
    for name in classes:
        if name not in learnt:
            raise RefusedFile(f"{where}: no picture of {name} to train on; add some, or drop it")
        if name not in chosen:
            raise RefusedFile(f"{where}: no picture of {name} to validate on; add some")
    return classes


def _check_common(items: Sequence[Item]) -> None:
    """Sources that share no class with any other were not meant to be merged."""
    labels: dict[Path, set[str]] = {}
    for item in items:
        labels.setdefault(item.source, set()).add(item.label)
    for source, own in labels.items():
        others = set().union(*(seen for other, seen in labels.items() if other != source))
        if others and not own & others:
            raise RefusedFile(
                f"{source}: its classes ({', '.join(sorted(own))}) have nothing in common with"
                f" those of the other data ({', '.join(sorted(others))}); train on one of them"
            )


def _counted(what: str, items: Sequence[Item], classes: tuple[str, ...]) -> str:
    counts = Counter(item.label for item in items)
    return f"{what}: {len(items)} (" + ", ".join(f"{name} {counts[name]}" for name in classes) + ")"


def _split(items: Sequence[Item], classes: tuple[str, ...]) -> Split:
    columns = [[canonical(name) for name in FERPLUS].index(label) for label in classes]
    return Split(
        np.stack([item.pixels for item in items]),
        np.array([classes.index(item.label) for item in items], np.int64),
        np.stack([item.votes for item in items])[:, columns],
    )
