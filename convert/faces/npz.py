"""Faces from an `.npz`: `x_train`, `y_train`, `x_public` ..., or `x` and `y`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from convert.faces.parts import ALL_PARTS, FERPLUS, Part, Picture, part_named, shown
from edge.errors import RefusedFile
from edge.model_card import canonical
from edge.records import ByteArray, FloatArray


def pictures(
    path: Path, names: Sequence[str], wanted: Collection[Part] = ALL_PARTS
) -> Iterator[Picture]:
    """The pictures of the parts `wanted`.

    `x_<part>` is uint8 `(N, height, width)`, with a last axis of 1 or 3 (RGB) where it has one;
    `y_<part>` holds the numbers of the classes, which the array `classes` names, else `names`;
    `ferplus_<part>` the votes of FER+, in the columns that `ferplus_columns` names, else its own;
    `name` the files' names, beside `x`. Raises `RefusedFile`, and what numpy raises on damage.
    """
    with np.load(path, allow_pickle=False) as content:
        found = _suffixes(content.files)
        if not found:
            held = shown(", ".join(content.files)) or "nothing"
            raise RefusedFile(f"{path}: holds {held}; wanted x_train and y_train, or x and y")
        if "classes" in content:
            names = [canonical(name) for name in _words(path, "classes", content["classes"])]
        for suffix, part in found.items():
            if part in wanted:
                yield from _of_part(path, content, suffix, part, names)


def parts(path: Path) -> set[Part]:
    """The parts that the file has."""
    with np.load(path, allow_pickle=False) as content:
        return set(_suffixes(content.files).values())


def _suffixes(keys: Sequence[str]) -> dict[str, Part]:
    found = {key[1:]: part_named(key[2:]) for key in keys if key.startswith("x_")}
    named = {suffix: part for suffix, part in found.items() if part is not None}
    return {"": Part.TRAIN} | named if "x" in keys else named


def _of_part(
    path: Path, content: Mapping[str, Any], suffix: str, part: Part, names: Sequence[str]
) -> Iterator[Picture]:
    pixels = _pixels(path, f"x{suffix}", content[f"x{suffix}"])
    labels = _labels(path, f"y{suffix}", content, len(pixels), names)
    votes = _votes(path, f"ferplus{suffix}", content, len(pixels))
    key = f"name{suffix}"
    files = _words(path, key, content[key]) if key in content else None
    if files is not None and len(files) != len(pixels):
        raise RefusedFile(f"{path}: {key}: wanted {len(pixels)} names, not {len(files)}")
    for row, picture in enumerate(pixels):
        yield Picture(
            _gray(picture),
            labels[row],
            part,
            f"x{suffix}[{row}]" if files is None else files[row],
            None if votes is None else votes[row],
        )


def _pixels(path: Path, key: str, array: npt.NDArray[Any]) -> ByteArray:
    fits = array.ndim == 3 or (array.ndim == 4 and array.shape[3] in (1, 3))
    if array.dtype != np.uint8 or not fits or 0 in array.shape[1:]:
        raise RefusedFile(
            f"{path}: {key}: wanted uint8 (N, height, width), raw pixels 0 to 255,"
            f" not {array.dtype} {array.shape}"
        )
    return array


def _words(path: Path, key: str, array: npt.NDArray[Any]) -> list[str]:
    """Names, of text or of bytes."""
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise RefusedFile(f"{path}: {key}: wanted a row of names, not {array.dtype} {array.shape}")
    return [
        name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in array
    ]


def _gray(picture: ByteArray) -> ByteArray:
    if picture.ndim == 2:
        return picture
    if picture.shape[2] == 1:
        return picture[:, :, 0]
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def _labels(
    path: Path, key: str, content: Mapping[str, Any], count: int, names: Sequence[str]
) -> list[str]:
    if key not in content:
        return [""] * count
    array = content[key]
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype.kind not in "ui" or array.shape != (count,):
        raise RefusedFile(
            f"{path}: {key}: wanted {count} whole numbers, one a picture,"
            f" not {array.dtype} {array.shape}"
        )
    outside = np.flatnonzero((array < 0) | (array >= len(names)))
    if outside.size:
        raise RefusedFile(
            f"{path}: {key}[{outside[0]}] is {array[outside[0]]}: unknown label;"
            f" wanted 0 to {len(names) - 1} ({shown(', '.join(names))})"
        )
    return [names[label] for label in array]


def _votes(path: Path, key: str, content: Mapping[str, Any], count: int) -> FloatArray | None:
    if key not in content:
        return None
    columns: tuple[str, ...] = FERPLUS
    if "ferplus_columns" in content:
        columns = tuple(_words(path, "ferplus_columns", content["ferplus_columns"]))
    array = content[key]
    if set(columns) != set(FERPLUS) or array.shape != (count, len(FERPLUS)):
        raise RefusedFile(
            f"{path}: {key}: wanted ({count}, {len(FERPLUS)}), the votes of FER+"
            f" ({', '.join(FERPLUS)}), not {array.shape} ({shown(', '.join(columns))})"
        )
    if array.dtype.kind not in "uif" or not np.isfinite(array).all() or array.min(initial=0) < 0:
        raise RefusedFile(f"{path}: {key}: votes must be numbers from 0")
    ordered: FloatArray = array[:, [columns.index(name) for name in FERPLUS]].astype(np.float32)
    return ordered
