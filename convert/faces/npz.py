"""Faces from an `.npz`: `x_train`, `y_train`, `x_public` ..., or `x` and `y`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from convert.damage import printable
from convert.faces.splits import ALL_SPLITS, Picture, Split, split_named
from convert.labels import FERPLUS
from edge.errors import RefusedFile
from edge.labels import canonical
from edge.records import ByteArray, FloatArray


def pictures(
    path: Path, names: Sequence[str], wanted: Collection[Split] = ALL_SPLITS
) -> Iterator[Picture]:
    """Yield the pictures of the `wanted` splits.

    `x_<split>` is uint8 `(N, height, width)`, optionally with a last axis of 1 or 3 (RGB);
    `y_<split>` holds class numbers, which the array `classes` names, else `names`;
    `ferplus_<split>` holds FER+'s votes, in the columns that `ferplus_columns` names, else in
    FER+'s order; `name_<split>` holds file names. Raises `RefusedFile`, and what numpy raises on
    damaged files.
    """
    with np.load(path, allow_pickle=False) as content:
        found = _suffixes(content.files)
        if not found:
            keys = printable(", ".join(content.files)) or "nothing"
            raise RefusedFile(f"{path}: contains {keys}; expected x_train and y_train, or x and y")
        if "classes" in content:
            names = [canonical(name) for name in _strings(path, "classes", content["classes"])]
        for suffix, split in found.items():
            if split in wanted:
                yield from _in_split(path, content, suffix, split, names)


def splits(path: Path) -> set[Split]:
    """Return the splits that the file contains."""
    with np.load(path, allow_pickle=False) as content:
        return set(_suffixes(content.files).values())


def _suffixes(keys: Sequence[str]) -> dict[str, Split]:
    found = {key[1:]: split_named(key[2:]) for key in keys if key.startswith("x_")}
    named = {suffix: split for suffix, split in found.items() if split is not None}
    return {"": Split.TRAIN} | named if "x" in keys else named


def _in_split(
    path: Path, content: Mapping[str, Any], suffix: str, split: Split, names: Sequence[str]
) -> Iterator[Picture]:
    pixels = _pixels(path, f"x{suffix}", content[f"x{suffix}"])
    labels = _labels(path, f"y{suffix}", content, len(pixels), names)
    votes = _votes(path, f"ferplus{suffix}", content, len(pixels))
    key = f"name{suffix}"
    files = _strings(path, key, content[key]) if key in content else None
    if files is not None and len(files) != len(pixels):
        raise RefusedFile(f"{path}: {key}: expected {len(pixels)} names, not {len(files)}")
    for row, picture in enumerate(pixels):
        yield Picture(
            _gray(picture),
            labels[row],
            split,
            f"x{suffix}[{row}]" if files is None else files[row],
            None if votes is None else votes[row],
        )


def _pixels(path: Path, key: str, array: npt.NDArray[Any]) -> ByteArray:
    fits = array.ndim == 3 or (array.ndim == 4 and array.shape[3] in (1, 3))
    if array.dtype != np.uint8 or not fits or 0 in array.shape[1:]:
        raise RefusedFile(
            f"{path}: {key}: expected uint8 (N, height, width), raw pixels 0 to 255,"
            f" not {array.dtype} {array.shape}"
        )
    return array


def _strings(path: Path, key: str, array: npt.NDArray[Any]) -> list[str]:
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise RefusedFile(
            f"{path}: {key}: expected an array of strings, not {array.dtype} {array.shape}"
        )
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
            f"{path}: {key}: expected {count} whole numbers, one per picture,"
            f" not {array.dtype} {array.shape}"
        )
    outside = np.flatnonzero((array < 0) | (array >= len(names)))
    if outside.size:
        raise RefusedFile(
            f"{path}: {key}[{outside[0]}] is {array[outside[0]]}: unknown label;"
            f" expected 0 to {len(names) - 1} ({printable(', '.join(names))})"
        )
    return [names[label] for label in array]


def _votes(path: Path, key: str, content: Mapping[str, Any], count: int) -> FloatArray | None:
    if key not in content:
        return None
    columns: tuple[str, ...] = FERPLUS
    if "ferplus_columns" in content:
        columns = tuple(_strings(path, "ferplus_columns", content["ferplus_columns"]))
    array = content[key]
    if set(columns) != set(FERPLUS) or array.shape != (count, len(FERPLUS)):
        raise RefusedFile(
            f"{path}: {key}: expected ({count}, {len(FERPLUS)}), FER+'s votes"
            f" ({', '.join(FERPLUS)}), not {array.shape} ({printable(', '.join(columns))})"
        )
    if array.dtype.kind not in "uif" or not np.isfinite(array).all() or array.min(initial=0) < 0:
        raise RefusedFile(f"{path}: {key}: votes must be numbers of 0 or more")
    ordered: FloatArray = array[:, [columns.index(name) for name in FERPLUS]].astype(np.float32)
    return ordered
