"""FER2013's csv, with Usage and pixels, and that of the votes of FER+."""

from __future__ import annotations

import csv
import math
import sys
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convert.faces.parts import ALL_PARTS, FERPLUS, Part, Picture, part_named, shown
from edge.errors import RefusedFile
from edge.records import ByteArray, FloatArray

USAGES = "Training, PublicTest or PrivateTest"


@dataclass(frozen=True)
class Votes:
    """What the taggers of FER+ said of FER2013's pictures, in the order of its csv."""

    path: Path
    parts: tuple[Part, ...]
    counts: FloatArray
    """float32 `(rows, 10)`, in the order of `FERPLUS`."""


@dataclass(frozen=True)
class _Row:
    """A line of a csv; `columns` says where what is."""

    path: Path
    line: int
    fields: list[str]
    columns: dict[str, int]

    def __getitem__(self, column: str) -> str:
        return self.fields[self.columns[column]]

    def refused(self, reason: str) -> RefusedFile:
        """The error that names this row, counted without and with the header."""
        return RefusedFile(f"{self.path}: row {self.line - 1} (line {self.line}): {reason}")

    def part(self) -> Part:
        """What its Usage says."""
        part = part_named(self["usage"])
        if part is None:
            raise self.refused(f"Usage '{shown(self['usage'])}' is unknown; wanted {USAGES}")
        return part


def pictures(
    path: Path,
    names: Sequence[str],
    wanted: Collection[Part] = ALL_PARTS,
    *,
    votes: Votes | None = None,
    usage_needed: bool = False,
) -> Iterator[Picture]:
    """The rows of the parts `wanted`; `emotion` is an index into `names`.

    The columns are `emotion`, `pixels` and `Usage` in any order, with any spaces and capitals
    (fer2013.csv and icml_face_data.csv). Without Usage, all are to train on, unless it is needed.
    Raises `RefusedFile` for the first row that is not as it should be.
    """
    needed = {"emotion", "pixels", "usage"} if usage_needed else {"emotion", "pixels"}
    count, size = 0, 0
    for row in _rows(path, needed):
        part = row.part() if "usage" in row.columns else Part.TRAIN
        label = _label(row, names)
        _check_votes(row, votes, count, part)
        if part in wanted:
            pixels = _pixels(row)
            size = size or pixels.size
            if pixels.size != size:
                raise row.refused(f"{pixels.size} pixels, where the rows before have {size}")
            said = None if votes is None else votes.counts[count]
            yield Picture(pixels, label, part, f"row {row.line - 1}", said)
        count += 1
    if votes and count != len(votes.counts):
        raise RefusedFile(_not_aligned(votes, path, f"{count} rows, not {len(votes.counts)}"))


def parts(path: Path) -> set[Part]:
    """The parts that the file has."""
    rows = _rows(path, set())
    return {row.part() if "usage" in row.columns else Part.TRAIN for row in rows}


def is_ferplus(path: Path) -> bool:
    """Whether this is FER+'s csv, fer2013new.csv."""
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        columns = _columns(next(lines, ""))
    return "nf" in columns and "pixels" not in columns


def read_votes(path: Path) -> Votes:
    """All of FER+'s csv: the columns `Usage`, `Image name`, and the ten of `FERPLUS`.

    Raises `RefusedFile` for the first row that is not as it should be.
    """
    names = [name.lower() for name in FERPLUS]
    parts, counts = [], []
    for row in _rows(path, {"usage", *names}):
        try:
            counts.append([int(row[name]) for name in names])
        except ValueError as error:
            raise row.refused("votes must be whole numbers") from error
        if min(counts[-1]) < 0:
            raise row.refused("votes must not be negative")
        parts.append(row.part())
    return Votes(path, tuple(parts), np.array(counts, np.float32).reshape(-1, len(FERPLUS)))


def _check_votes(row: _Row, votes: Votes | None, index: int, part: Part) -> None:
    """The two files have nothing in common but the order of their rows and the Usage."""
    if votes is None:
        return
    if index >= len(votes.parts):
        raise RefusedFile(_not_aligned(votes, row.path, f"more rows than {len(votes.parts)}"))
    if votes.parts[index] is not part:
        raise row.refused(
            f"Usage '{shown(row['usage'])}', but another in the same row of {votes.path};"
            " take both files whole and as they came"
        )


def _not_aligned(votes: Votes, path: Path, difference: str) -> str:
    return (
        f"{votes.path}: goes with FER2013's csv row by row, but {path} has {difference};"
        " take both files whole and as they came"
    )


def _label(row: _Row, names: Sequence[str]) -> str:
    text = row["emotion"].strip()
    if text.isascii() and text.isdigit() and int(text) < len(names):
        return names[int(text)]
    known = ", ".join(f"{number} {name}" for number, name in enumerate(names))
    raise row.refused(f"emotion '{shown(text)}' is an unknown label; wanted {known}")


def _pixels(row: _Row) -> ByteArray:
    with warnings.catch_warnings():  # text that is no number is a DeprecationWarning to numpy
        warnings.simplefilter("error", DeprecationWarning)
        try:
            pixels = np.fromstring(row["pixels"], np.int64, sep=" ")
        except (DeprecationWarning, ValueError) as error:
            raise row.refused("pixels must be whole numbers with spaces between") from error
    side = math.isqrt(pixels.size)
    if not pixels.size or side * side != pixels.size:
        raise row.refused(f"{pixels.size} pixels make no square; FER2013 has 2304, 48 by 48")
    if pixels.min() < 0 or pixels.max() > 255:
        raise row.refused("pixels must be 0 to 255")
    return pixels.astype(np.uint8).reshape(side, side)


def _rows(path: Path, needed: Collection[str]) -> Iterator[_Row]:
    """The lines below the header; a line is a row, as no field of these files has line breaks."""
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        columns = _columns(next(lines, ""))
        _check_columns(path, columns, needed)
        for number, line in enumerate(lines, 2):
            if not line.strip():
                continue
            try:
                row = _Row(path, number, _fields(line), columns)
            except csv.Error as error:
                raise RefusedFile(f"{path}: row {number - 1} (line {number}): {error}") from error
            if len(row.fields) != len(columns):
                raise row.refused(f"a broken line: {len(row.fields)} fields, not {len(columns)}")
            yield row


def _fields(line: str) -> list[str]:
    """What csv makes of it; most lines are long and have no quotes, and so go by quickly."""
    plain = line.rstrip("\r\n")
    return next(csv.reader([plain], strict=True)) if '"' in plain else plain.split(",")


def _columns(header: str) -> dict[str, int]:
    try:
        fields = _fields(header)
    except csv.Error:
        fields = []
    return {name.strip().lower(): index for index, name in enumerate(fields)}


def _check_columns(path: Path, columns: Collection[str], needed: Collection[str]) -> None:
    missing = [name for name in needed if name not in columns]
    if not missing:
        return
    if "pixels" in missing and "nf" in columns:
        raise RefusedFile(f"{path}: has the votes of FER+ alone; the pictures are in fer2013.csv")
    held = shown(", ".join(columns))
    fix = "take fer2013.csv or icml_face_data.csv as it came"
    if missing == ["usage"]:
        fix = f"nothing else says what to validate on; {fix}, or use class folders"
    raise RefusedFile(f"{path}: no column {' and '.join(sorted(missing))}, only {held}; {fix}")
