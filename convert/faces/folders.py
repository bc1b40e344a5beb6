"""Faces from folders: a sub-folder a class, the classes side by side or in parts (train, test)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import cv2
import numpy as np

from convert.faces.parts import ALL_PARTS, FERPLUS, Part, Picture, part_named
from edge.errors import RefusedFile
from edge.model_card import canonical
from edge.records import ByteArray

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".webp", ".tif", ".tiff")
#: The share of pictures that may be damaged.
MOST_UNREADABLE = 0.01


def pictures(
    path: Path, unreadable: list[Path], wanted: Collection[Part] = ALL_PARTS
) -> Iterator[Picture]:
    """The pictures of the parts `wanted`, in the order of their names.

    With sub-folders named as parts (train, validation or val, test), classes are looked for in
    each of them, else in `path` itself, which is a part where its own name says so. Without
    class folders, pictures lie in `path` and have no label. Damaged ones are added to `unreadable`.
    Raises `RefusedFile` for a class folder without pictures or beside a part, and where over 1 %
    are damaged.
    """
    total = 0
    for part, folder in _part_folders(path):
        if part not in wanted:
            continue
        for label, inside in _class_folders(folder):
            for file in _files(inside, label):
                total += 1
                pixels = _pixels(file)
                if pixels is None:
                    unreadable.append(file)
                else:
                    yield Picture(pixels, label, part, str(file.relative_to(path)))
    if len(unreadable) > MOST_UNREADABLE * total:
        raise RefusedFile(
            f"{path}: {len(unreadable)} of {total} pictures cannot be read, which is over"
            f" {MOST_UNREADABLE:.0%}; replace or remove them, first {unreadable[0]}"
        )


def parts(path: Path) -> set[Part]:
    """The parts that the folder has."""
    return {part for part, _ in _part_folders(path)}


def _part_folders(path: Path) -> list[tuple[Part, Path]]:
    alone = _folders(path)
    if len(alone) == 1 and _folders(alone[0]):  # as archives unpack: all in one folder
        return _part_folders(alone[0])
    inside = [(part_named(folder.name), folder) for folder in _folders(path)]
    found = [(part, folder) for part, folder in inside if part is not None]
    known = {canonical(name) for name in FERPLUS}
    beside = [folder for part, folder in inside if not part and canonical(folder.name) in known]
    if found and beside:
        raise RefusedFile(
            f"{beside[0]}: a class beside {found[0][1].name}: move the classes to train on into"
            f" {path / 'train'}"
        )
    return found or [(part_named(path.resolve().name) or Part.TRAIN, path)]


def _class_folders(path: Path) -> list[tuple[str, Path]]:
    return [(canonical(folder.name), folder) for folder in _folders(path)] or [("", path)]


def _folders(path: Path) -> list[Path]:
    return [
        entry
        for entry in sorted(path.iterdir())
        if entry.is_dir() and not entry.name.startswith((".", "__"))
    ]


def _files(folder: Path, label: str) -> list[Path]:
    # Deeper ones, too: a class may have a folder for each person.
    found = [file for file in sorted(folder.rglob("*")) if file.suffix.lower() in ENDINGS]
    if label and not found:
        raise RefusedFile(
            f"{folder}: an empty class, no picture in it ({', '.join(ENDINGS)}):"
            " add some, or remove the folder"
        )
    return found


def _pixels(file: Path) -> ByteArray | None:
    """The picture in gray; None where it is damaged.

    It is decoded from memory: reading a file itself, OpenCV fills up what a cut JPEG lacks.
    """
    content = file.read_bytes()
    if not content:
        return None
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:  # larger than OpenCV is ready to read
        return None
    return None if pixels is None else np.asarray(pixels, np.uint8)
