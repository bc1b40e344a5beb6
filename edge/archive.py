"""Old diary files: compressed, and deleted when their time is over."""

from __future__ import annotations

import gzip
import logging
import os
import shutil
from collections.abc import Callable
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
    """Deletes old files over `keep_days` or `keep_files`, and compresses the others.

    `today`, and whether that is `sure`, is the clock's if not given: see `_age_from`. A kill at any
    point leaves either the `.csv` or a whole `.csv.gz`, or both.
    """
    try:
        old = list(diary.rotated(directory))
        now = _age_from(today or date.today(), old, synchronised() if sure is None else sure)
        first = first_kept(now, config)
        surplus = len(old) - config.keep_files
        over = [path for at, (day, _, path) in enumerate(old) if at < surplus or day < first]
        try:  # deleted first: on a full card that makes the room to compress
            _each([*directory.glob("expressions-*.gz.tmp"), *over], _delete)
        finally:
            plain = sorted(directory.glob("expressions-*.csv"))
            _each([path for path in plain if diary.ROTATED.fullmatch(path.name)], _compress)
    except FileNotFoundError:  # somebody took it away meanwhile; what comes next begins it anew
        return
    except OSError as error:
        log.warning("%s: cannot tidy old diary files: %s", directory, first_line(error))


def first_kept(today: date, config: Log) -> str:
    """The first day whose rows are kept, `YYYY-MM-DD`."""
    return (today - timedelta(days=config.keep_days)).isoformat()


def _each(paths: list[Path], step: Callable[[Path], None]) -> None:
    """Does `step` to all of `paths`; what went wrong with some is raised after the others."""
    trouble = None
    for path in paths:
        try:
            step(path)
        except OSError as error:
            trouble = error
    if trouble:
        raise trouble


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


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)
    if path.suffix == ".gz":  # a kill may have left both
        path.with_suffix("").unlink(missing_ok=True)


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
