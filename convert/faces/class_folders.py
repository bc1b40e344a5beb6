"""Faces from class folders, also inside folders for splits (train, test)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import cv2
import numpy as np

from convert.faces.splits import ALL_SPLITS, Picture, Split, split_named
from convert.labels import FERPLUS
from edge.errors import RefusedFile
from edge.labels import canonical
from edge.records import ByteArray

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".webp", ".tif", ".tiff")
#: Largest share of pictures that may be unreadable.
MAX_UNREADABLE = 0.01


def pictures(
    path: Path, unreadable: list[Path], wanted: Collection[Split] = ALL_SPLITS
) -> Iterator[Picture]:
    """Yield the pictures of the `wanted` splits, sorted by name.

    Sub-folders named like splits (train, validation or val, test) each hold class folders;
    otherwise `path` itself does, and is a split if its own name says so. Pictures directly in
    `path` have no label. Damaged pictures are appended to `unreadable`. Raises `RefusedFile` for an
    empty class folder, one next to a split, and if over 1 % of the pictures are damaged.
    """
    total = 0
    for split, folder in _split_folders(path):
        if split not in wanted:
            continue
        for label, inside in _class_folders(folder):
            for file in _files(inside, label):
                total += 1
                pixels = _pixels(file)
                if pixels is None:
                    unreadable.append(file)
                else:
                    yield Picture(pixels, label, split, str(file.relative_to(path)))
    if len(unreadable) > MAX_UNREADABLE * total:
        raise RefusedFile(
            f"{path}: {len(unreadable)} of {total} pictures cannot be read, more than"
            f" {MAX_UNREADABLE:.0%}; replace or remove them, first {unreadable[0]}"
        )


def splits(path: Path) -> set[Split]:
    """Return the splits that the folder contains."""
    return {split for split, _ in _split_folders(path)}


def _split_folders(path: Path) -> list[tuple[Split, Path]]:
    inside = _folders(path)
    if len(inside) == 1 and _folders(inside[0]):  # archives often unpack into one folder
        return _split_folders(inside[0])
    named = [(split_named(folder.name), folder) for folder in inside]
    found = [(split, folder) for split, folder in named if split is not None]
    known = {canonical(name) for name in FERPLUS}
    beside = [folder for split, folder in named if not split and canonical(folder.name) in known]
    if found and beside:
        raise RefusedFile(
            f"{beside[0]}: a class folder next to {found[0][1].name}: move the training classes"
            f" into {path / 'train'}"
        )
    return found or [(split_named(path.resolve().name) or Split.TRAIN, path)]


def _class_folders(path: Path) -> list[tuple[str, Path]]:
    return [(canonical(folder.name), folder) for folder in _folders(path)] or [("", path)]


def _folders(path: Path) -> list[Path]:
    return [
        entry
        for entry in sorted(path.iterdir())
        if entry.is_dir() and not entry.name.startswith((".", "__"))
    ]


def _files(folder: Path, label: str) -> list[Path]:
    # Recursively: a class may have a folder for each person.
    found = [file for file in sorted(folder.rglob("*")) if file.suffix.lower() in SUFFIXES]
    if label and not found:
        raise RefusedFile(
            f"{folder}: empty class folder, no pictures ({', '.join(SUFFIXES)}):"
            " add some, or remove the folder"
        )
    return found


def _pixels(file: Path) -> ByteArray | None:
    """Return the picture in gray; None if it is damaged.

    It is decoded from memory: reading a file itself, OpenCV silently fills a truncated JPEG.
    """
    content = file.read_bytes()
    if not content:
        return None
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:  # larger than OpenCV's limit
        return None
    return None if pixels is None else np.asarray(pixels, np.uint8)
