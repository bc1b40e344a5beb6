"""Rows of FER2013's and FER+'s CSV files, with errors that name the row."""

from __future__ import annotations

import csv
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from convert.damage import printable
from convert.faces.splits import Split, split_named
from edge.errors import RefusedFile

USAGES = "Training, PublicTest or PrivateTest"


@dataclass(frozen=True)
class Row:
    """A line of a CSV file; `columns` maps lower-case column names to positions."""

    path: Path
    line: int
    fields: list[str]
    columns: dict[str, int]

    def __getitem__(self, column: str) -> str:
        return self.fields[self.columns[column]]

    def refused(self, reason: str) -> RefusedFile:
        """Return an error that names this row, by its number and by its line."""
        return RefusedFile(f"{self.path}: row {self.line - 1} (line {self.line}): {reason}")

    def split(self) -> Split:
        """Return the split that Usage names; `Split.TRAIN` without the column."""
        if "usage" not in self.columns:
            return Split.TRAIN
        split = split_named(self["usage"])
        if split is None:
            raise self.refused(f"unknown Usage '{printable(self['usage'])}'; expected {USAGES}")
        return split


def rows(path: Path, required: Collection[str]) -> Iterator[Row]:
    """Yield the rows below the header.

    One line is one row, as no field contains a line break. Raises `RefusedFile` for a missing
    column of `required` and for the first broken row.
    """
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        columns = _columns(next(lines, ""))
        _check_columns(path, columns, required)
        for number, line in enumerate(lines, 2):
            if not line.strip():
                continue
            try:
                row = Row(path, number, _fields(line), columns)
            except csv.Error as error:
                raise RefusedFile(f"{path}: row {number - 1} (line {number}): {error}") from error
            if len(row.fields) != len(columns):
                raise row.refused(f"broken line: {len(row.fields)} fields, not {len(columns)}")
            yield row


def header(path: Path) -> Collection[str]:
    """Return the column names in lower case; empty if this is not CSV."""
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        return _columns(next(lines, ""))


def _fields(line: str) -> list[str]:
    # Most lines are long and have no quotes: splitting them is far quicker than csv.reader.
    plain = line.rstrip("\r\n")
    return next(csv.reader([plain], strict=True)) if '"' in plain else plain.split(",")


def _columns(line: str) -> dict[str, int]:
    try:
        fields = _fields(line)
    except csv.Error:
        fields = []
    return {name.strip().lower(): index for index, name in enumerate(fields)}


def _check_columns(path: Path, columns: Collection[str], required: Collection[str]) -> None:
    missing = [name for name in required if name not in columns]
    if not missing:
        return
    if "pixels" in missing and "nf" in columns:
        raise RefusedFile(f"{path}: holds only FER+'s votes; the pictures are in fer2013.csv")
    found = printable(", ".join(columns))
    fix = "use the original fer2013.csv or icml_face_data.csv"
    if missing == ["usage"]:
        fix = f"nothing else says what to validate on; {fix}, or class folders"
    raise RefusedFile(f"{path}: no column {' and '.join(sorted(missing))}, only {found}; {fix}")
