"""Archives of the diary: compressed, and deleted when they are too old or too many."""

from __future__ import annotations

import logging
import os
import shutil
import struct
import zlib
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from itertools import chain
from pathlib import Path

from edge.clock import synchronised
from edge.config.schema import DiaryConfig
from edge.diary import layout
from edge.diary.span import gzip_header, span
from edge.errors import first_line

_BLOCK_BYTES = 1 << 18
log = logging.getLogger(__name__)


def apply_retention(
    directory: Path,
    config: DiaryConfig,
    today: date | None = None,
    *,
    clock_ok: bool | None = None,
    counted: Callable[[list[Path]], Iterable[Path]] = iter,
) -> bool:
    """Delete archives over `keep_days` or `keep_files`, and compress the others.

    Of those over, `counted` yields which ones may be deleted; return whether all were. `today`, and
    whether that is right (`clock_ok`), come from the clock if not given: see `_age_from`. A kill at
    any point leaves the `.csv`, or a complete `.csv.gz`, or both.
    """
    over: list[Path] = []
    try:
        old = list(layout.archives(directory))
        now = _age_from(
            today or date.today(), old, synchronised() if clock_ok is None else clock_ok
        )
        first = first_kept(now, config)
        surplus = len(old) - config.keep_files
        over = [path for at, (day, _, path) in enumerate(old) if at < surplus or day < first]
        try:  # first, because on a full card that makes the room to compress
            _each(chain(directory.glob("expressions-*.gz.tmp"), counted(over)), _delete)
        finally:
            plain = sorted(directory.glob("expressions-*.csv"))
            _each([path for path in plain if layout.ARCHIVE.fullmatch(path.name)], _compress)
    except FileNotFoundError:  # the directory was taken away; the writer starts it again
        return True
    except OSError as error:
        log.warning("%s: cannot apply retention: %s", directory, first_line(error))
    return not any(path.exists() for path in over)


def first_kept(today: date, config: DiaryConfig) -> str:
    """Return the first day whose rows are kept, `YYYY-MM-DD`."""
    return (today - timedelta(days=config.keep_days)).isoformat()


def _each(paths: Iterable[Path], step: Callable[[Path], None]) -> None:
    """Apply `step` to all paths; raise the last error after that."""
    failed = None
    for path in paths:
        try:
            step(path)
        except OSError as error:
            failed = error
    if failed:
        raise failed


def _age_from(today: date, old: list[tuple[str, int, Path]], clock_ok: bool) -> date:
    """Return the day that ages are counted from.

    A clock that is not synchronised may have jumped ahead by years, and must not empty the diary:
    then the newest archive's day is the latest that counts.
    """
    if clock_ok or not old:
        return today
    try:
        return min(today, date.fromisoformat(old[-1][0]))
    except ValueError:  # a name with a 31st of February
        return today


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)
    if path.suffix == ".gz":  # a kill may have left both
        path.with_suffix("").unlink(missing_ok=True)


def _compress(path: Path) -> None:
    packed = path.with_name(path.name + ".gz")
    if not packed.is_file():
        part = path.with_name(path.name + ".gz.tmp")
        try:
            pack(path, part)
        except OSError:
            part.unlink(missing_ok=True)  # on a full card every byte counts
            raise
        part.rename(packed)
        _sync(path.parent)
    path.unlink()


def pack(path: Path, part: Path) -> None:
    """Compress `path` into `part`, on the disk when it returns."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    checksum = size = 0
    with path.open("rb") as plain, part.open("wb") as raw:
        raw.write(gzip_header(span(path)))
        while block := plain.read(_BLOCK_BYTES):
            checksum, size = zlib.crc32(block, checksum), size + len(block)
            raw.write(deflate.compress(block))
        raw.write(deflate.flush() + struct.pack("<LL", checksum, size & 0xFFFFFFFF))
        raw.flush()
        os.fsync(raw.fileno())
    shutil.copystat(path, part)


def _sync(directory: Path) -> None:
    """Flush renames to disk, or a power cut could leave neither of two files."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
