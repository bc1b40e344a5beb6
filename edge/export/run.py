"""From a diary to an exported folder: every row of every file, and what was made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from edge.diary import layout, reader
from edge.diary.faults import Faults
from edge.errors import FerEdgeError, UsageError
from edge.export import dictionary
from edge.export.archives import Archives
from edge.export.dictionary import cards
from edge.export.forms import Form
from edge.export.parts import FOLDER_MODE, Table
from edge.export.source import items


@dataclass
class Result:
    """What an export has done; `left_out` counts lines that are not rows."""

    new_rows: int = 0
    known_rows: int = 0
    left_out: int = 0
    files: list[Path] = field(default_factory=list)
    models: set[str | None] = field(default_factory=set)


def export(
    paths: Iterable[Path],
    out: Path,
    device: str,
    form: Form,
    models: Iterable[Path] = (),
    start: datetime | None = None,
    end: datetime | None = None,
) -> Result:
    """Export the rows of the diary's files `paths`, in order, from `start` to before `end`.

    Only rows that `out` does not have are written; memory does not grow with their number. The
    cards of those of `models`, files, that made a row are written beside them. What is wrong with a
    file is logged; lines that are not rows are counted. Raises `FerEdgeError`, `PermissionError`.
    """
    result, faults = Result(), Faults()
    try:
        _refuse_other_form(out, form)
        out.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        with Table(out / f"device={device}", form) as table:
            archives = Archives(table.folder)
            for path in paths:
                if path.name != layout.NAME and archives.is_done(path):
                    continue
                if reader.in_span(path, start, end):
                    for item in items(path, faults, start, end):
                        table.add(item)
                        result.models.add(item.model)
        if start is None and end is None:
            archives.keep()
        dictionary.write(out, (found for found in cards(models) if found[0] in result.models))
    except PermissionError:
        raise
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(
            f"--out: {_file_in(Path(error.filename))} is a file, not a directory; name another"
        ) from error
    except OSError as error:
        raise FerEdgeError(
            f"{out}: {error.strerror or error}; what is complete stays: export again to go on"
        ) from error
    result.new_rows, result.known_rows = table.new_rows, table.known_rows
    result.files, result.left_out = table.written, faults.bad_lines
    return result


def _file_in(path: Path) -> Path:
    """Return the part of a path that is not a directory."""
    each = (path, *path.parents)
    return next((part for part in each if part.exists() and not part.is_dir()), path)


def _refuse_other_form(out: Path, form: Form) -> None:
    """Readers take a folder for one table: all of its files must be of one form."""
    others = {".csv", ".parquet"} - {form.suffix}
    for suffix in others:
        if next(out.glob(f"device=*/date=*/[!.]*{suffix}"), None):
            raise UsageError(f"{out} holds {suffix} files; name another folder for {form.suffix}")
