"""The two forms of an exported file: CSV, and Parquet through pyarrow."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

from edge.errors import FerEdgeError
from edge.export.columns import Column, Kind
from edge.export.source import Row
from edge.extras import installing

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = ["time", "face", "event"]


class Key(NamedTuple):
    """What tells the rows of a device apart: milliseconds since 1970 UTC, and face or event."""

    time_ms: int
    face: int | None
    event: str | None


class Writer(Protocol):
    """Writes rows into one open file."""

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows."""

    def close(self) -> None:
        """Write what ends the file; the file itself stays open."""


class Form(NamedTuple):
    """A file format: how a file is written, and how the keys of its rows are read back."""

    suffix: str
    writer: Callable[[BinaryIO, tuple[Column, ...]], Writer]
    keys: Callable[[Path], Iterator[Key]]


def csv_form() -> Form:
    """Return CSV as in RFC 4180, with one header; times as `2026-03-01T17:04:05.120Z`."""
    return Form(".csv", _CsvWriter, _csv_keys)


class _CsvWriter:
    def __init__(self, file: BinaryIO, columns: tuple[Column, ...]) -> None:
        self._text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        self._rows = csv.writer(self._text)
        self._rows.writerow(column.name for column in columns)

    def write(self, rows: Sequence[Row]) -> None:
        self._rows.writerows((_text(time_ms), *rest) for time_ms, *rest in rows)

    def close(self) -> None:
        self._text.detach()


def _text(time_ms: object) -> str:
    assert isinstance(time_ms, int)
    time = _EPOCH + timedelta(milliseconds=time_ms)
    return time.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _csv_keys(path: Path) -> Iterator[Key]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            time = datetime.fromisoformat(row["time"])
            face = int(row["face"]) if row["face"] else None
            yield Key((time - _EPOCH) // timedelta(milliseconds=1), face, row["event"] or None)


def parquet_form() -> Form:
    """Return Parquet; raise `FerEdgeError` where pyarrow is not installed."""
    try:
        import pyarrow  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise FerEdgeError(f"--parquet: {error}; {installing('export')}; or use --csv") from error

    def writer(file: BinaryIO, columns: tuple[Column, ...]) -> Writer:
        return _ParquetWriter(pyarrow, parquet, file, columns)

    def keys(path: Path) -> Iterator[Key]:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=_KEY):
                times = batch.column("time").cast(pyarrow.int64()).to_pylist()
                others = (batch.column(name).to_pylist() for name in _KEY[1:])
                yield from map(Key, times, *others)

    return Form(".parquet", writer, keys)


class _ParquetWriter:
    def __init__(
        self, arrow: Any, parquet: Any, file: BinaryIO, columns: tuple[Column, ...]
    ) -> None:
        self._arrow = arrow
        times = {Kind.TIME: arrow.timestamp("ms", "UTC")}
        self._schema = arrow.schema(
            arrow.field(
                each.name,
                times.get(each.kind) or arrow.type_for_alias(each.kind),
                metadata={"meaning": each.meaning},
            )
            for each in columns
        )
        self._file = parquet.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, rows: Sequence[Row]) -> None:
        arrays = [
            self._arrow.array(values).cast(field.type)
            for values, field in zip(zip(*rows, strict=True), self._schema, strict=True)
        ]
        self._file.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        self._file.close()
