"""`fer-edge log --follow` beside a writer that does what it likes with the file."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from edge.config.schema import DiaryConfig
from edge.diary import layout, schema
from edge.diary.writer import DiaryWriter
from tests.conftest import ROOT, Run, command, environment, wait_for
from tests.support.diaries import ago, printed_faces, write
from tests.support.disks import bytes_read_by
from tests.support.samples import LABELS, reading

Follow = Callable[..., Path]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where `fer_edge` finds its diary."""
    return tmp_path / "log"


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Those that are ended when the test is over."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.terminate()
        process.wait(10)


@pytest.fixture
def follow(log: Path, processes: list[subprocess.Popen[bytes]]) -> Follow:
    """Starts `fer-edge log --follow ...`; returns the file that it prints to (see `said`)."""
    out = log.parent / "followed.txt"

    def start(*options: str) -> Path:
        with out.open("wb") as file, said(out).open("wb") as errors:
            processes.append(
                subprocess.Popen(
                    command("log", "--follow", *options, "--config", os.devnull),
                    env=environment(log.parent),
                    stdout=file,
                    stderr=errors,
                )
            )
        return out

    return start


def said(out: Path) -> Path:
    """The file that standard error goes to."""
    return out.with_suffix(".err")


def faces(out: Path) -> list[int]:
    return printed_faces(out.read_text())


def row(face: int, time: datetime) -> bytes:
    return schema.format_row(reading(face=face, time=time, confidence=0.81))


def file_of(log: Path, *rows: bytes) -> Path:
    """The current file as somebody put it together, of several days."""
    log.mkdir()
    path = log / layout.NAME
    path.write_bytes(schema.header(LABELS).encode() + b"\r\n" + b"".join(rows))
    return path


# What is there at the start


def test_follow_begins_with_the_last_ten_rows(log: Path, follow: Follow) -> None:
    write(log, ago(days=1), *[ago(seconds=40 - n) for n in range(8)])
    out = follow()
    wait_for(lambda: printed_faces(out.read_text()) == list(range(1, 10)), "nine rows of two files")
    write(log, *[ago(seconds=9 - n) for n in range(9)], first_face=10)
    wait_for(lambda: printed_faces(out.read_text()) == list(range(1, 19)), "nine more")


def test_follow_begins_with_as_many_rows_as_asked_for(log: Path, follow: Follow) -> None:
    write(log, *[ago(seconds=40 - n) for n in range(20)])
    out = follow("--last", "3")
    wait_for(lambda: printed_faces(out.read_text()) == [18, 19, 20], "three rows")


def test_follow_shows_what_is_there_and_then_each_row_as_it_is_written(
    log: Path, follow: Follow
) -> None:
    write(log, ago(days=3), ago(minutes=2))
    out = follow("--since", "1h")
    wait_for(lambda: printed_faces(out.read_text()) == [2], "the rows so far")
    with DiaryWriter(DiaryConfig(), log, LABELS) as diary:
        for face in (3, 4):
            diary.write(0, [reading(face=face, time=ago())])
            wait_for(lambda: printed_faces(out.read_text())[-1] == face, "the new row")  # noqa: B023
    assert printed_faces(out.read_text()) == [2, 3, 4]


@pytest.mark.parametrize("options", [(), ("--csv",)])
def test_the_beginning_reads_no_megabytes(
    log: Path,
    follow: Follow,
    processes: list[subprocess.Popen[bytes]],
    options: tuple[str, ...],
) -> None:
    read = []
    for count in (100, 40_000):
        times = [ago() - timedelta(seconds=0.1 * age) for age in range(count, 0, -1)]
        path = file_of(log, *(row(face, time) for face, time in enumerate(times)))
        out = follow(*options)
        wait_for(lambda: out.read_bytes().count(b"\n") == 10 + len(options), "rows")  # noqa: B023
        wait_for(lambda: _is_asleep(processes[-1].pid), "all to be read")
        read.append(bytes_read_by(processes[-1].pid))
        processes[-1].terminate()
        processes[-1].wait(10)
        size = path.stat().st_size
        log.rename(log.parent / f"log-{count}")
    assert read[1] - read[0] < 200_000 < size / 10


def _is_asleep(pid: int) -> bool:
    return "nanosleep" in Path(f"/proc/{pid}/wchan").read_text()


# What happens to the file


def test_follow_waits_for_a_diary_and_goes_on_across_a_rotation(log: Path, follow: Follow) -> None:
    out = follow()
    waiting = f"no diary in {log} yet; waiting\n"
    wait_for(lambda: said(out).read_text() == waiting, "what it waits for")
    write(log, ago(days=1, minutes=1))
    wait_for(lambda: printed_faces(out.read_text()) == [1], "the first row")
    write(log, ago(), first_face=2)  # of another day: a new file
    wait_for(lambda: printed_faces(out.read_text()) == [1, 2], "the row of the new file")
    assert len(layout.files(log)) == 2


def test_follow_goes_on_when_the_file_is_emptied(log: Path, follow: Follow) -> None:
    out = follow()
    with DiaryWriter(DiaryConfig(), log, LABELS) as diary:
        for face in (1, 2, 3):
            diary.write(0, [reading(face=face, time=ago())])
        wait_for(lambda: printed_faces(out.read_text()) == [1, 2, 3], "the first rows")
        os.truncate(log / layout.NAME, 0)
        diary.write(1, [reading(face=4, time=ago())])
        wait_for(lambda: printed_faces(out.read_text()) == [1, 2, 3, 4], "the row after them")


def test_follow_prints_no_torn_row(log: Path, follow: Follow) -> None:
    write(log, ago())
    row = (log / layout.NAME).read_bytes().splitlines(keepends=True)[1]
    out = follow("--csv")
    wait_for(lambda: len(out.read_bytes().splitlines()) == 2, "header and row")
    fd = os.open(log / layout.NAME, os.O_WRONLY | os.O_APPEND)
    os.write(fd, row[:20])
    write_whole = row[20:] + row
    os.write(fd, write_whole)
    os.close(fd)
    wait_for(lambda: len(out.read_bytes().splitlines()) == 4, "two more rows")
    assert out.read_bytes().splitlines(keepends=True)[1:] == [row] * 3


def test_ctrl_c_ends_following_quietly(log: Path) -> None:
    write(log, ago())
    process = subprocess.Popen(
        command("log", "--follow"),
        env=environment(log.parent),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    assert "face 1" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=10)
    assert (process.returncode, rest) == (0, "")


def two_days(log: Path) -> None:
    """Faces 1 to 30 yesterday, 31 to 60 today."""
    old = [row(face, ago(days=1)) for face in range(1, 31)]
    file_of(log, *old, *(row(face, ago()) for face in range(31, 61)))


def test_follow_repeats_nothing_and_loses_nothing_that_forget_leaves(
    fer_edge: Run, log: Path, follow: Follow
) -> None:
    two_days(log)
    with DiaryWriter(DiaryConfig(), log, LABELS) as diary:
        out = follow()
        wait_for(lambda: faces(out) == [*range(51, 61)], "the last ten")
        diary.write(0, [reading(face=61, time=ago())])
        done = fer_edge("forget", "--before", "today", "--yes")
        assert done.stdout == "deleted: rows: 30, files: 0, hours of the table: 0\n"
        diary.write(1, [reading(face=face, time=ago()) for face in range(62, 65)])
        wait_for(lambda: 64 in faces(out), "the rows since")
        assert fer_edge("forget", "--all", "--yes").returncode == 0
        diary.write(2, [reading(face=65, time=ago())])
        wait_for(lambda: 65 in faces(out), "the row after everything was deleted")
        diary.write(3, [reading(face=66, time=ago())])
        wait_for(lambda: 66 in faces(out), "one more")
    assert faces(out) == [*range(51, 67)]


WRITER = """
import sys
from datetime import datetime
from itertools import count
from pathlib import Path
from edge.config.schema import DiaryConfig
from edge.diary.writer import DiaryWriter
from tests.support.disks import bytes_read_by
from tests.support.samples import LABELS, reading

log, first, last, max_bytes, model = sys.argv[1:]
with DiaryWriter(DiaryConfig(max_bytes=int(max_bytes)), Path(log), LABELS, model) as diary:
    for face in count(int(first)):
        diary.write(face, [reading(face=face, time=datetime.now().astimezone())])
        if face == int(last) or Path(log, "stop").exists():
            break
print(face)
"""


def writer(log: Path, first: int, last: int, max_bytes: int, model: str) -> subprocess.Popen[str]:
    """A process that writes as fast as it can."""
    words = [sys.executable, "-c", WRITER, log, first, last, max_bytes, model]
    return subprocess.Popen(
        [*map(str, words)],
        env=environment(log.parent),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_follow_prints_each_row_once_though_files_come_and_go_faster_than_it_looks(
    log: Path, follow: Follow
) -> None:
    out = follow()
    with writer(log, 1, 2000, 4096, "model abc 1s") as process:
        assert process.wait(120) == 0
    assert len(layout.files(log)) > 40
    wait_for(lambda: "face 2000" in out.read_text(), "the last row")
    printed = [int(face) for face in re.findall(r"face (\d+)", out.read_text())]
    assert printed == [*range(1, 2001)]


def test_follow_prints_each_row_once_while_forget_works_beside_the_writer(
    fer_edge: Run, log: Path, follow: Follow
) -> None:
    two_days(log)
    out = follow()
    with writer(log, 61, 10**6, 10**9, "") as process:
        wait_for(lambda: "face 99" in out.read_text(), "the writer to be at work")
        done = fer_edge("forget", "--before", "today", "--yes")
        assert done.stdout == "deleted: rows: 30, files: 0, hours of the table: 0\n"
        (log / "stop").touch()
        last = int(process.communicate(timeout=60)[0])
    wait_for(lambda: f"face {last}" in out.read_text(), "the last row")
    assert faces(out) == [*range(51, last + 1)]


def test_follow_goes_on_with_another_models_file(log: Path, follow: Follow) -> None:
    write(log, ago(seconds=2))
    out = follow()
    wait_for(lambda: faces(out) == [1], "the row of the first model")
    others = ("no", "yes")
    with DiaryWriter(DiaryConfig(), log, others) as diary:
        diary.write(0, [reading(face=2, emotion="yes", labels=others, time=ago())])
    wait_for(lambda: faces(out) == [1, 2], "the row of the second")
    assert out.read_text().splitlines()[1].endswith("(no 50%)")


def test_csv_has_the_columns_of_the_first_rows_though_there_was_no_diary(
    log: Path, follow: Follow
) -> None:
    out = follow("--csv")
    write(log, ago())
    wait_for(lambda: len(out.read_bytes().splitlines()) == 2, "a header and a row")
    assert out.read_bytes() == (log / layout.NAME).read_bytes()


@pytest.mark.parametrize("kept", [35, 0])
def test_follow_goes_on_in_a_file_that_was_cut_short(log: Path, follow: Follow, kept: int) -> None:
    """Somewhere within a row, which the service removes."""
    with DiaryWriter(DiaryConfig(), log, LABELS) as diary:
        begin = ago(minutes=5)
        for face in range(1, 61):
            diary.write(0, [reading(face=face, time=begin + timedelta(seconds=face))])
        out = follow()
        wait_for(lambda: faces(out) == [*range(51, 61)], "the last ten")
        length = len((log / layout.NAME).read_bytes().splitlines(keepends=True)[1])
        os.truncate(log / layout.NAME, kept * length)
        for face in range(61, 64):
            diary.write(1, [reading(face=face, time=begin + timedelta(seconds=face))])
        wait_for(lambda: 63 in faces(out), "the rows after them")
    assert faces(out) == [*range(51, 64)]


@pytest.mark.parametrize("in_place", [True, False])
def test_follow_goes_on_in_a_file_that_an_editor_has_written(
    log: Path, follow: Follow, in_place: bool
) -> None:
    begin = ago(minutes=5)
    path = file_of(log, *(row(n, begin + timedelta(seconds=n)) for n in range(1, 31)))
    out = follow()
    wait_for(lambda: faces(out) == [*range(21, 31)], "the last ten")
    text = path.read_bytes().replace(b",happy,", b",merry,", 25)
    edited = path if in_place else path.with_name("4913")
    edited.write_bytes(text)
    edited.rename(path)
    with path.open("ab") as file:
        file.write(row(31, begin + timedelta(seconds=31)))
    wait_for(lambda: 31 in faces(out), "the row after them")
    assert faces(out) == [*range(21, 32)]


def test_a_torn_end_that_the_service_removes_is_not_part_of_the_next_row(
    log: Path, follow: Follow, processes: list[subprocess.Popen[bytes]]
) -> None:
    write(log, ago(seconds=9))
    out = follow()
    wait_for(lambda: faces(out) == [1], "the first row")
    with (log / layout.NAME).open("ab") as file:
        file.write(row(2, ago(seconds=8))[:60])
        file.flush()
        read = bytes_read_by(processes[0].pid)
        wait_for(lambda: bytes_read_by(processes[0].pid) > read + 500, "three looks at it")
    write(log, ago(), first_face=3)
    wait_for(lambda: len(out.read_text().splitlines()) > 1, "the next row")
    assert faces(out) == [1, 3]


def test_follow_says_once_what_is_not_a_row_with_its_line(log: Path, follow: Follow) -> None:
    path = file_of(log, *(row(face, ago(seconds=60)) for face in range(1, 2001)))
    out = follow("--last", "1")
    wait_for(lambda: len(out.read_text().splitlines()) == 1, "the last row")
    for face in (3000, 3001):
        with path.open("ab") as file:
            file.write(b"nonsense\r\n" + row(face, ago()))
        wait_for(lambda: f"face {face}" in out.read_text(), "the next row")  # noqa: B023
    wait_for(lambda: said(out).read_text(), "what is wrong")
    assert said(out).read_text().splitlines() == [
        f"WARNING: {path}:2002: 1 value instead of 12; skipped"
    ]
