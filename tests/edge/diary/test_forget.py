"""`fer-edge forget` beside a writer whose files come and go."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from edge import filelock
from edge.config.schema import DiaryConfig
from edge.diary import layout, reader, schema
from edge.diary.forget import forget
from edge.diary.rotating_file import Line, RotatingFile
from tests.conftest import ROOT, command, environment, wait_for
from tests.support.diaries import ago, write
from tests.support.samples import LABELS, reading

ROWS = 300
FORGETTING = """
import sys
from datetime import UTC, datetime
from datetime import datetime
from pathlib import Path

import pytest
from edge.diary.forget import forget

log = Path(sys.argv[1])
print("ready", flush=True)
while not (log / "stop").exists():
    forget(log, datetime(2020, 1, 1, tzinfo=UTC))
"""


def test_no_row_is_lost_when_every_row_begins_a_file(tmp_path: Path) -> None:
    """Of today and of yesterday in turn. Between them the file is empty for a moment."""
    words = [sys.executable, "-c", FORGETTING, str(tmp_path)]
    file = RotatingFile(DiaryConfig(), tmp_path, schema.header(LABELS).encode() + b"\r\n", b"")
    with subprocess.Popen(
        words, env=environment(tmp_path), cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        for face in range(1, ROWS + 1):
            time = ago(days=face % 2)
            text = schema.format_row(reading(face=face, time=time))
            file.append(Line(face, time.date().isoformat(), True, text))
        (tmp_path / "stop").touch()
    file.close()
    assert process.returncode == 0
    found = [row.face for path in layout.files(tmp_path) for row in reader.rows(path)]
    assert sorted(face or 0 for face in found) == [*range(1, ROWS + 1)]


def test_a_file_that_is_archived_while_forget_waits_for_it_takes_nothing_with_it(
    tmp_path: Path,
) -> None:
    """The service holds the lock while it writes a row, before which it may rotate."""
    log = tmp_path / "log"
    write(log, ago(days=1))
    current = log / layout.NAME
    lock = filelock.take(current)
    with subprocess.Popen(
        command("forget", "--before", "today", "--yes", "--config", os.devnull),
        env=environment(tmp_path),
    ) as process:
        wait_for(lambda: _waits_for_a_lock(process.pid), "forget to wait")
        header, _ = current.read_bytes().splitlines(keepends=True)
        current.rename(log / f"expressions-{ago(days=1):%Y-%m-%d}.csv")
        row = schema.format_row(reading(face=2, time=ago()))
        current.write_bytes(header + row)
        os.close(lock)
    assert process.returncode == 0
    assert layout.files(log) == [current]
    assert current.read_bytes() == header + row


def _waits_for_a_lock(pid: int) -> bool:
    lines = Path("/proc/locks").read_text().splitlines()
    return any(" -> FLOCK " in line and f" {pid} " in line for line in lines)


def spoilt(log: Path, text: bytes, name: str = layout.NAME) -> Path:
    """A file in which no row can be read."""
    log.mkdir()
    path = log / name
    path.write_bytes(text)
    return path


UNREADABLE = {
    "another program's": b"id;name;price\r\n1;lamp;20\r\n",
    "saved by a spreadsheet": b"time;face;emotion;confidence;note\r\n2026-11-28;1;sad;0.9;\r\n",
    "times without an offset": (
        schema.header(LABELS).encode()
        + b"\r\n"
        + schema.format_row(reading(time=ago())).replace(b"+00:00", b"")
    ),
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_without_a_readable_row_is_not_older_than_any_day(
    tmp_path: Path, text: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = spoilt(tmp_path / "log", text)
    tomorrow = ago(days=-1)
    assert forget(path.parent, tomorrow) == (0, 0, 0)
    assert path.read_bytes() == text
    stays = f"{path}: stays, as no row in it can be read; --all deletes it"
    assert stays in [record.message for record in caplog.records]
    assert forget(path.parent, None).files == 1
    assert not path.exists()


@pytest.mark.parametrize("text", [b"not gzip", gzip.compress(b"time,face")[:15]])
def test_an_unreadable_archive_is_as_old_as_its_name(tmp_path: Path, text: bytes) -> None:
    path = spoilt(tmp_path / "log", text, "expressions-2026-03-02.csv.gz")
    for day in (1, 2):
        forget(path.parent, datetime(2026, 3, day).astimezone())
        assert path.read_bytes() == text
    forget(path.parent, datetime(2026, 3, 3).astimezone())
    assert not path.exists()


def test_what_is_before_the_first_row_stays(tmp_path: Path) -> None:
    text = UNREADABLE["times without an offset"] + schema.format_row(reading(time=ago()))
    path = spoilt(tmp_path / "log", text)
    forget(path.parent, ago(days=1))
    assert path.read_bytes() == text
