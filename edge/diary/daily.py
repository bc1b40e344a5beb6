"""The small table that outlives the rows: `hours.csv`, a line for every hour that was watched.

The columns are `hour,watched_s,face_s,paused_s,readings,raised,longest_s,models,n_<label>…`, CRLF:

- `hour`: when it begins, local time with the offset that held then. Where the clock is put back an
  hour, both hours are there, with their offsets.
- `watched_s`: seconds for which the camera gave pictures. Where only rows tell, as after `rebuild`,
  it is `face_s`, the least that it can have been.
- `face_s`: seconds for which somebody was in view, however many. A reading stands for the time up
  to the next one of any face; where none follows within the reading interval and five seconds, for
  that interval.
- `paused_s`: seconds between `paused` and `resumed`.
- `readings`: all of them. `n_<label>`: those of an expression, without those marked `small`,
  `dark`, `blurred`, `turned` or `undecided`.
- `raised`: words `alert:times`. `longest_s`: words `expression:seconds`, the longest stretch within
  the hour in which a face showed only that.
- `models`: digests of the cards of the models that read (see `schema.model_note`).

A line is written when its hour is over, from the rows; an hour has one line.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from edge.diary import damaged
from edge.diary.faults import Faults
from edge.diary.hour import Hour
from edge.diary.hour_line import columns_of, format_hour, parse_header, parse_hour

NAME = "hours.csv"
#: Enough for the last line.
_TAIL_BYTES = 1 << 14
log = logging.getLogger(__name__)


def read(directory: Path, faults: Faults | None = None) -> Iterator[Hour]:
    """Yield the hours of the table in `directory`, oldest first; none if there is no table.

    A line that is not one is skipped; `faults` hears of it.
    """
    yield from (hour for _, hour in _lines(directory, faults or Faults()) if hour)


def _lines(directory: Path, faults: Faults) -> Iterator[tuple[str, Hour | None]]:
    """Yield each line of the table, and the hour in it, if that is what it is."""
    path = directory / NAME
    faults.enter(path)
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            columns: tuple[str, ...] = ()
            for number, line in enumerate(file, 1):
                hour = parse_hour(columns, line)
                yield line, hour
                if hour:
                    continue
                if header := parse_header(line):
                    columns = header
                # Without an end it is being written, or was torn by a power cut.
                elif line.endswith("\n") or not columns or parse_hour(columns, line + "\n"):
                    faults.bad_line(number, "not a line of this table")
    except FileNotFoundError:
        return
    faults.leave()


def store(directory: Path, hours: Iterable[Hour]) -> bool:
    """Put `hours` into the table; call it under `layout.LOCK`.

    Of an hour that it has, the record with more readings stays, with the longer time watched: rows
    are only added, and how long an hour was watched only the table knows. Later hours than any in
    it are appended in one write. In all other cases the table is rewritten, and replaced when the
    new one is on the disk: a kill or a power cut leaves the one or the other. Lines that are not
    its rows do not come along: then the table that had them is kept as it was, and true is
    returned.
    """
    new = sorted(hours, key=lambda hour: hour.start)
    if not new:
        return False
    path = directory / NAME
    columns, last = _end(path)
    if last is None or new[0].start <= last or not set(columns_of(new)) <= set(columns):
        copy, warnings = damaged.next_copy(directory), list[str]()
        faults = Faults(warnings.append, fate=f"kept in {copy.name}")
        found = {hour.start: hour for hour in read(directory, faults)}
        if faults.bad_lines:
            damaged.keep(path, copy)
        for warning in warnings:
            log.warning(warning)
        for hour in new:
            found[hour.start] = _merged(found.get(hour.start, hour), hour)
        _rewrite(directory, [found[start] for start in sorted(found)])
        return faults.bad_lines > 0
    with path.open("ab") as file:
        file.write("".join(format_hour(hour, columns) for hour in new).encode())
        file.flush()
        os.fsync(file.fileno())
    return False


def forget(directory: Path, before: datetime, faults: Faults) -> int:
    """Delete the hours before a time, and the lines that follow them and are not rows.

    Return how many hours that were.
    """
    kept, keep, hours, dropped = list[str](), False, 0, 0
    for line, hour in _lines(directory, faults):
        if hour:
            keep = hour.start >= before
            hours, dropped = hours + keep, dropped + (not keep)
        if keep or parse_header(line):
            kept.append(line)
    if dropped and hours:
        _replace(directory, kept)
    elif dropped:
        (directory / NAME).unlink()
    return dropped


def _merged(old: Hour, new: Hour) -> Hour:
    more = new if new.readings >= old.readings else old
    return replace(more, watched_s=max(old.watched_s, new.watched_s))


def _rewrite(directory: Path, hours: list[Hour]) -> None:
    columns = columns_of(hours)
    _replace(
        directory, [",".join(columns) + "\r\n", *(format_hour(hour, columns) for hour in hours)]
    )


def _replace(directory: Path, lines: list[str]) -> None:
    path, part = directory / NAME, directory / f"{NAME}.tmp"
    with part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        part.chmod(0o640)
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def _end(path: Path) -> tuple[tuple[str, ...], datetime | None]:
    """Return the columns and the last hour; no hour if there is none, or the end is torn."""
    try:
        with path.open("rb") as file:
            columns = parse_header(_text(file.readline()))
            file.seek(max(file.tell(), os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            line = file.read().rpartition(b"\n")
    except FileNotFoundError:
        return (), None
    last = line[0].rpartition(b"\n")[2]
    hour = None if line[2] else parse_hour(columns, _text(last + b"\n"))
    return columns, hour.start if hour else None


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")
