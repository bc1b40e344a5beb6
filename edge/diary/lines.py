"""The rows of a diary file in batches, as fast as Python can.

For counting millions of rows (`tally`): a block of lines that are as the writer makes them is cut
by one regular expression, which takes a quarter of the time that `csv.reader` takes. A block with
anything else is read line by line by a `Parser`. Whoever wants whole rows takes `reader.rows`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, TypeAlias

from edge.diary import reader, values
from edge.diary.faults import Faults
from edge.diary.hour_grid import hour_of
from edge.diary.parser import Parser
from edge.diary.schema import EMOTION, NOTE

Cut: TypeAlias = tuple[str, str, str, str, str, str]
"""Hour, second (`:04:05`), zone, face (empty for an event), emotion and note of a row."""
_PRINTABLE = bytes(range(0x20, 0x7F)) + b"\r\n"
_BLOCK_BYTES = 1 << 17


class Batch(NamedTuple):
    """Rows of one hour, in the file's order; `number` is the line of the first."""

    hour: datetime
    number: int
    rows: list[Cut]


class Lines:
    """The rows of the file at `path`; `faults` hears of everything else."""

    def __init__(self, path: Path, faults: Faults) -> None:
        self._path, self._faults = path, faults
        self._parser = Parser(path, faults)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the rows. Raises `PermissionError`."""
        number = 1
        self._faults.enter(self._path)
        try:
            for block in _blocks(self._path):
                for batch in self._cut(block, number) or self._parse(block, number):
                    self._faults.hour(batch.hour, batch.number)
                    yield batch
                number += block.count(b"\n")
                if not block:
                    self._faults.empty()
        except PermissionError:
            raise
        except (EOFError, zlib.error, OSError) as error:
            self._faults.unreadable(number, error)
        self._faults.leave()

    def _cut(self, block: bytes, number: int) -> list[Batch]:
        """Return the rows of a block; none if it has anything that the writer does not write."""
        columns = self._parser.columns
        if not columns or block.translate(None, _PRINTABLE) or not block.endswith(b"\n"):
            return []
        text = block.decode("ascii").replace("\r\n", "\n")
        rows: list[Cut] = values.written(columns).findall(text)
        if len(rows) != text.count("\n") or "\r" in text:
            return []
        found = []
        for (stamp, zone), group in groupby(rows, itemgetter(0, 2)):
            hour = _hour(stamp, zone)
            if hour is None:
                return []
            found.append(Batch(hour, number, list(group)))
            number += len(found[-1].rows)
        return found

    def _parse(self, block: bytes, number: int) -> Iterator[Batch]:
        for at, line in enumerate(block.splitlines(keepends=True), number):
            if row := self._parser.row(line.decode("utf-8", "surrogateescape"), at):
                time = row.time.isoformat(timespec="milliseconds")
                face = "" if row.face is None else str(row.face)
                cut = (
                    time[:13],
                    time[13:19],
                    time[23:],
                    face,
                    row.values[EMOTION],
                    row.values[NOTE],
                )
                yield Batch(hour_of(row.time), at, [cut])


def _hour(stamp: str, zone: str) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{stamp}:00:00{zone}")
    except ValueError:
        return None


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield whole lines in blocks, the first line by itself, and last what has no line end."""
    try:
        file = reader.open_binary(path)
    except FileNotFoundError:
        return
    with file:
        yield file.readline()
        rest = b""
        while block := file.read1(_BLOCK_BYTES):  # what is before a damaged place, too
            whole, end, rest = (rest + block).rpartition(b"\n")
            if end:
                yield whole + end
        if rest:
            yield rest
