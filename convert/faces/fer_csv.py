"""FER2013's CSV file: a class number, the pixels and a Usage per row."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from convert.damage import printable
from convert.faces.csv_rows import Row, rows
from convert.faces.ferplus import Votes
from convert.faces.splits import ALL_SPLITS, Picture, Split
from edge.errors import RefusedFile
from edge.records import ByteArray


def pictures(
    path: Path,
    names: Sequence[str],
    wanted: Collection[Split] = ALL_SPLITS,
    *,
    votes: Votes | None = None,
    require_usage: bool = False,
) -> Iterator[Picture]:
    """Yield the rows of the `wanted` splits; `emotion` is an index into `names`.

    The columns are `emotion`, `pixels` and `Usage`, in any order, spacing and capitalisation
    (fer2013.csv and icml_face_data.csv). Without Usage all rows are for training, unless it is
    required. Raises `RefusedFile` for the first invalid row.
    """
    required = {"emotion", "pixels", "usage"} if require_usage else {"emotion", "pixels"}
    count, size = 0, 0
    for row in rows(path, required):
        split = row.split()
        label = _label(row, names)
        _check_votes(row, votes, count, split)
        if split in wanted:
            pixels = _pixels(row)
            size = size or pixels.size
            if pixels.size != size:
                raise row.refused(f"{pixels.size} pixels, but the rows before have {size}")
            row_votes = None if votes is None else votes.counts[count]
            yield Picture(pixels, label, split, f"row {row.line - 1}", row_votes)
        count += 1
    if votes and count != len(votes.counts):
        raise RefusedFile(votes.mismatch(path, f"{count} rows, not {len(votes.counts)}"))


def splits(path: Path) -> set[Split]:
    """Return the splits that the file contains."""
    return {row.split() for row in rows(path, set())}


def _check_votes(row: Row, votes: Votes | None, index: int, split: Split) -> None:
    """Compare Usage, the only column that FER2013 and FER+ have in common."""
    if votes is None:
        return
    if index >= len(votes.splits):
        raise RefusedFile(votes.mismatch(row.path, f"more rows than {len(votes.splits)}"))
    if votes.splits[index] is not split:
        raise row.refused(
            f"Usage '{printable(row['usage'])}' differs from the same row of {votes.path};"
            " use both original files, complete"
        )


def _label(row: Row, names: Sequence[str]) -> str:
    text = row["emotion"].strip()
    if text.isascii() and text.isdigit() and int(text) < len(names):
        return names[int(text)]
    known = ", ".join(f"{number} {name}" for number, name in enumerate(names))
    raise row.refused(f"unknown label: emotion '{printable(text)}'; expected {known}")


def _pixels(row: Row) -> ByteArray:
    with warnings.catch_warnings():  # numpy only warns about text that is not a number
        warnings.simplefilter("error", DeprecationWarning)
        try:
            pixels = np.fromstring(row["pixels"], np.int64, sep=" ")
        except (DeprecationWarning, ValueError) as error:
            raise row.refused("pixels must be whole numbers separated by spaces") from error
    side = math.isqrt(pixels.size)
    if not pixels.size or side * side != pixels.size:
        raise row.refused(f"{pixels.size} pixels are not a square; FER2013 has 2304, 48 by 48")
    if pixels.min() < 0 or pixels.max() > 255:
        raise row.refused("pixels must be 0 to 255")
    return pixels.astype(np.uint8).reshape(side, side)
