"""Deletes what the diary has of a time: rows in every file, and hours of the table.

Safe beside the running service. Each file is replaced in one step, so a kill leaves it as it was
or without those rows. The service's writer waits for the lock of the current file, and goes on in
the one that took its place.
"""

from __future__ import annotations

import fcntl
import gzip
import logging
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from edge import filelock
from edge.diary import daily, damaged, layout, reader, retention, unfinished
from edge.diary.faults import Faults
from edge.diary.parser import Parser
from edge.diary.schema import NOTE, parse_header, parse_model_note
from edge.diary.span import span

log = logging.getLogger(__name__)
#: Unfinished copies of what is in the files.
_LEFT_OVER = ("expressions-*.tmp", f"{daily.NAME}.tmp", f"{unfinished.NAME}.tmp")


class Forgotten(NamedTuple):
    """What was deleted: rows, files that had no others, hours of the table."""

    rows: int
    files: int
    hours: int


def forget(directory: Path, before: datetime | None) -> Forgotten:
    """Delete everything before a local midnight; None for all. May raise `OSError`.

    Face numbers go on: `last-face.txt` stays. Lines that are not rows go with the row before them.
    A file of which nobody can say how old it is, as no row in it can be read, stays unless all go.
    """
    rows = files = 0
    faults = Faults(fate="kept or deleted with the row before it")
    seen: set[int] = set()
    with filelock.hold(directory / layout.LOCK):
        for pattern in _LEFT_OVER:
            for path in directory.glob(pattern):
                path.unlink(missing_ok=True)
        # The service may archive its file meanwhile: look again until there is no new one.
        while paths := [path for path in layout.files(directory) if _inode(path) not in seen]:
            for path in paths:
                if found := _forget_in(path, before, faults):
                    rows, files = rows + found[0], files + found[1]
                    seen.add(_inode(path))
        hours = _forget_hours(directory, before, faults)
    return Forgotten(rows, files, hours)


def _inode(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_ino
    return 0


def _forget_in(path: Path, before: datetime | None, faults: Faults) -> tuple[int, bool] | None:
    """Return how many rows were deleted, and whether the file was; None if it became an archive."""
    if path.suffix == ".gz" and path.is_file():  # a kill may have left both
        path.with_suffix("").unlink(missing_ok=True)
    found = span(path)
    if before is not None and found is not None and not found.may_have(None, before):
        return 0, False
    part = path.with_name(f"{layout.ARCHIVE_STEM}{os.getpid()}.tmp")
    try:
        with reader.open_binary(path) as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)  # the writer's, for the current file
            if not os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return None
            kept = _Kept(before, Parser(path, faults))
            faults.enter(path)
            with part.open("wb") as out:
                out.writelines(kept.of(_readable(file, faults)))
            dated = before is None or kept.older > 0 or _is_older(path, before)
            is_over = dated and not kept.rows
            if is_over:
                path.unlink()
            elif kept.older:
                _replace(path, part)
    except FileNotFoundError:
        return 0, False
    finally:
        part.unlink(missing_ok=True)
    faults.leave()
    if not is_over and not kept.rows and (kept.strange or path.suffix == ".gz"):
        log.warning("%s: stays, as no row in it can be read; --all deletes it", path)
    return kept.dropped, is_over


def _is_older(path: Path, before: datetime) -> bool:
    """Return whether an archive's name says that its rows are from before that day."""
    match = layout.ARCHIVE.fullmatch(path.name)
    return match is not None and match[1] < before.date().isoformat()


def _readable(file: Iterable[bytes], faults: Faults) -> Iterator[bytes]:
    """Yield the lines of a file; those behind a damaged place of an archive are lost."""
    number = 0
    try:
        for number, line in enumerate(file, 1):  # noqa: B007
            yield line
        if not number:
            faults.empty()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        faults.unreadable(number + 1, error)


class _Kept:
    """The lines of a file that stay.

    `rows` counts those that stay, `older` those that do not, `dropped` the readings among these,
    `strange` the lines before the first row that are not a header.
    """

    def __init__(self, before: datetime | None, parser: Parser) -> None:
        self._before, self._parser = before, parser
        self.rows = self.older = self.dropped = self.strange = 0

    def of(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Yield headers, and the rows from `before` on."""
        keep, model = self._before is not None, b""
        for number, line in enumerate(lines, 1):
            text = line.decode("utf-8", "surrogateescape")
            row = self._parser.row(text, number)
            if row is None and parse_header(text):
                model = b""
                yield line
                continue
            if row is not None:
                keep = self._before is not None and row.time >= self._before
                self.older += not keep
                if row.face is None and parse_model_note(row.values[NOTE]):
                    model = line.partition(b",")[2]  # written again at the first row that stays
                    continue
                self.rows += keep
                self.dropped += not keep and row.face is not None
            elif not self.rows and not self.older:
                self.strange += 1
            if keep:
                if model:
                    yield line.partition(b",")[0] + b"," + model
                    model = b""
                yield line


def _replace(path: Path, part: Path) -> None:
    if path.suffix == ".gz":
        packed = part.with_name(f"{part.stem}.gz.tmp")
        retention.pack(part, packed)
        packed.rename(part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    shutil.copystat(path, part)
    shutil.chown(part, path.stat().st_uid, path.stat().st_gid)
    part.rename(path)


def _forget_hours(directory: Path, before: datetime | None, faults: Faults) -> int:
    path, copies = directory / daily.NAME, damaged.copies(directory)
    if before is None:
        hours = sum(1 for _ in daily.read(directory, faults))
        for each in (path, *copies):
            each.unlink(missing_ok=True)
        return hours
    for copy in copies:
        log.warning("%s: a copy of a damaged table stays, with what it has from before", copy)
    owner = path.stat() if path.exists() else None
    hours = daily.forget(directory, before, faults)
    if owner and path.exists():
        shutil.chown(path, owner.st_uid, owner.st_gid)
    return hours
