"""Diaries as they lie on the disk, and what `fer-edge log` prints of them."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from edge.config.schema import DiaryConfig
from edge.diary.faults import Faults
from edge.diary.parser import Parser
from edge.diary.schema import Row
from edge.diary.writer import DiaryWriter
from tests.support.samples import LABELS, reading


def contents(path: Path) -> bytes:
    """The bytes of a diary's file, unpacked where it is an archive."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def parsed(lines: Iterable[str]) -> list[Row]:
    """The rows of a file's lines, which have their ends."""
    parser = Parser(Path("expressions.csv"), Faults(None))
    found = (parser.row(line, number) for number, line in enumerate(lines, 1))
    return [row for row in found if row]


def ago(**span: float) -> datetime:
    return datetime.now().astimezone().replace(microsecond=0) - timedelta(**span)


def write(log: Path, *times: datetime, first_face: int = 1, max_bytes: int = 10_000_000) -> None:
    with DiaryWriter(DiaryConfig(max_bytes=max_bytes), log, LABELS) as diary:
        for face, time in enumerate(times, first_face):
            diary.write(0, [reading(face=face, time=time, confidence=0.81)])


def printed_faces(text: str) -> list[int]:
    return [int(line.split()[3]) for line in text.splitlines()]
