"""Read faces and their classes: npz, csv, folders, a video."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convert.damage import refusing_damage
from convert.faces import class_folders, fer_csv, npz, video
from convert.faces.splits import ALL_SPLITS, Picture, Split, split_named
from convert.labels import fer_order
from edge.errors import RefusedFile, UsageError
from edge.records import ByteArray, FloatArray


@dataclass(frozen=True)
class Faces:
    """Gray pictures, uint8 `(height, width)` each, and their classes `truth`.

    `truth` is empty where the source does not say. `names[i]` is picture i's place in its source.
    `unreadable` counts the source's damaged pictures, which are left out.
    """

    pictures: list[ByteArray]
    truth: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    unreadable: int = 0

    def sample(self, count: int) -> Faces:
        """Return at most `count` of the faces, evenly spaced."""
        if len(self.pictures) <= count:
            return self
        return self._at(np.linspace(0, len(self.pictures) - 1, count).round().astype(int).tolist())

    def of_classes(self, labels: tuple[str, ...], source: object) -> Faces:
        """Return the faces whose class is one of `labels`.

        Raises `UsageError`, naming `source`, if there are none.
        """
        if not self.truth:
            raise UsageError(f"{source}: has no classes; use a FER2013 file or class folders")
        rows = [row for row, name in enumerate(self.truth) if name in labels]
        if not rows:
            raise UsageError(f"{source}: has none of the model's classes ({', '.join(labels)})")
        return self._at(rows)

    def hits(self, answers: FloatArray, labels: tuple[str, ...]) -> list[bool]:
        """Return whether each of `answers`, `(N, classes)`, is the face's class."""
        indices = answers.argmax(axis=1)
        return [labels[index] == name for index, name in zip(indices, self.truth, strict=True)]

    def _at(self, rows: list[int]) -> Faces:
        truth, names = (
            tuple(values[row] for row in rows) if values else ()
            for values in (self.truth, self.names)
        )
        return Faces([self.pictures[row] for row in rows], truth, names, self.unreadable)


def read(path: Path, split: str = "") -> Faces:
    """Read the faces of `path` in `split`: train, public or private; "" is train.

    An `.npz` has `x_<split>` and `y_<split>`, or `x` and `y`; its classes are numbered as `classes`
    says, else as in FER2013. A `.csv` is FER2013's. In a folder each sub-folder is a class, also
    inside folders for splits (train, validation, test); without sub-folders the classes are
    unknown. In a video, faces are detected. A source without splits is all training. Raises
    `UsageError` if `path` does not exist, `RefusedFile` if it has no faces or is damaged.
    """
    if not split:
        return _first(path, {Split.TRAIN}, ALL_SPLITS)
    wanted = split_named(split)
    if wanted is None:
        raise UsageError(f"{split}: unknown split; expected train, public or private")
    return _first(path, {wanted}, named=split)


def read_test_split(path: Path) -> Faces:
    """Read the faces of `path` held out from training; all, if none are."""
    return _first(path, {Split.VALIDATION}, {Split.TEST}, ALL_SPLITS)


def is_undivided(path: Path) -> bool:
    """Return whether `path` has no held-out split; raise as `read` does."""
    with refusing_damage(path):
        return len(_splits(path)) < 2


def training_overlap(path: Path) -> list[str]:
    """Return a warning about the scores if `path` has no held-out split."""
    with refusing_damage(path):
        if _splits(path) != {Split.TRAIN}:
            return []
    return [f"{path}: has no held-out split: a model trained on it has seen these faces"]


def _splits(path: Path) -> set[Split]:
    if path.is_dir():
        return class_folders.splits(path)
    reader = {".npz": npz.splits, ".csv": fer_csv.splits}.get(path.suffix.lower())
    return reader(path) if reader else {Split.TRAIN}


def _first(path: Path, *choices: Collection[Split], named: str = "") -> Faces:
    """Return the pictures of the first choice that has any."""
    with refusing_damage(path):
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
    for wanted in choices:
        unreadable: list[Path] = []
        with refusing_damage(path):
            found = list(_pictures(path, wanted, unreadable))
        if found:
            pictures = [picture.pixels for picture in found]
            truth = tuple(picture.label for picture in found)
            names = tuple(picture.name for picture in found)
            return Faces(pictures, truth if all(truth) else (), names, len(unreadable))
    raise RefusedFile(f"{path}: no faces found" + (f" for {named!r}" if named else ""))


def _pictures(path: Path, wanted: Collection[Split], unreadable: list[Path]) -> Iterator[Picture]:
    if path.is_dir():
        return class_folders.pictures(path, unreadable, wanted)
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return npz.pictures(path, fer_order(), wanted)
    if suffix == ".csv":
        return fer_csv.pictures(path, fer_order(), wanted)
    if suffix in video.SUFFIXES:
        return video.pictures(path) if Split.TRAIN in wanted else iter(())
    expected = "an .npz, a FER2013 .csv, a folder, or a video"
    raise RefusedFile(f"{path}: expected {expected} ({', '.join(video.SUFFIXES)})")
