"""Old diary files: compressed, and deleted when their time is over."""

from __future__ import annotations

import gzip
import logging
import os
import shutil
from datetime import date, timedelta
from pathlib import Path

from edge import diary
from edge.clock import synchronised
from edge.config import Log
from edge.errors import first_line

log = logging.getLogger(__name__)


def tidy(
    directory: Path, config: Log, today: date | None = None, *, sure: bool | None = None
) -> None:
    """Compresses old files and deletes those over `keep_days` or `keep_files`.

    `today`, and whether that is `sure`, is the clock's if not given: see `_age_from`. A kill at any
    point leaves either the `.csv` or a whole `.csv.gz`, or both.
    """
    try:
        for leftover in directory.glob("expressions-*.gz.tmp"):
            leftover.unlink()
        for path in sorted(directory.glob("expressions-*.csv")):
            if diary.ROTATED.fullmatch(path.name):
                _compress(path)
        old = list(diary.rotated(directory))
        now = _age_from(today or date.today(), old, synchronised() if sure is None else sure)
        oldest = (now - timedelta(days=config.keep_days)).isoformat()
        surplus = len(old) - config.keep_files
        for at, (day, _, path) in enumerate(old):
            if at < surplus or day < oldest:
                path.unlink()
    except OSError as error:
        log.warning("%s: cannot tidy old diary files: %s", directory, first_line(error))


def _age_from(today: date, old: list[tuple[str, int, Path]], sure: bool) -> date:
    """The day that ages are counted from.

    A clock that nobody keeps right may have jumped ahead by years, and must not empty the diary:
    then no later day counts than that of the newest old file.
    """
    if sure or not old:
        return today
    try:
        return min(today, date.fromisoformat(old[-1][0]))
    except ValueError:  # a name that is like ours, but for its 31st of February
        return today


def _compress(path: Path) -> None:
    whole = path.with_name(path.name + ".gz")
    if not whole.exists():
        part = path.with_name(path.name + ".gz.tmp")
        try:
            _pack(path, part)
        except OSError:
            part.unlink(missing_ok=True)  # on a full card every byte counts
            raise
        part.rename(whole)
        _sync(path.parent)
    path.unlink()


def _pack(path: Path, part: Path) -> None:
    with path.open("rb") as plain, part.open("wb") as raw:
        with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
            shutil.copyfileobj(plain, packed)
        raw.flush()
        os.fsync(raw.fileno())
    # As private as it was, and as old: who reads the last hour leaves old files unopened.
    shutil.copystat(path, part)


def _sync(directory: Path) -> None:
    """Brings renames to the disk, so that no power cut leaves neither of two files."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
