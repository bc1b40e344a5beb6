"""FER+'s CSV file: how ten taggers voted on each picture of FER2013."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convert.faces.csv_rows import header, rows
from convert.faces.splits import Split
from convert.labels import FERPLUS
from edge.records import FloatArray


@dataclass(frozen=True)
class Votes:
    """The votes on FER2013's pictures, in the order of its CSV file."""

    path: Path
    splits: tuple[Split, ...]
    counts: FloatArray
    """float32 `(rows, 10)`, in the order of `FERPLUS`."""

    def mismatch(self, path: Path, difference: str) -> str:
        """Return the message for a FER2013 file at `path` that does not match these rows."""
        return (
            f"{self.path}: must match FER2013's CSV row by row, but {path} has {difference};"
            " use both original files, complete"
        )


def is_ferplus(path: Path) -> bool:
    """Return whether this is FER+'s CSV file, fer2013new.csv."""
    columns = header(path)
    return "nf" in columns and "pixels" not in columns


def read_votes(path: Path) -> Votes:
    """Read FER+'s CSV: `Usage`, `Image name` and the columns of `FERPLUS`.

    Raises `RefusedFile` for the first invalid row.
    """
    names = [name.lower() for name in FERPLUS]
    splits, counts = [], []
    for row in rows(path, {"usage", *names}):
        try:
            counts.append([int(row[name]) for name in names])
        except ValueError as error:
            raise row.refused("votes must be whole numbers") from error
        if min(counts[-1]) < 0:
            raise row.refused("votes must not be negative")
        splits.append(row.split())
    return Votes(path, tuple(splits), np.array(counts, np.float32).reshape(-1, len(FERPLUS)))
