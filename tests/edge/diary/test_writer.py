"""The diary on disk: rotation, retention, power cuts, full and read-only cards, foreign files."""

from __future__ import annotations

import contextlib
import errno
import gzip
import logging
import os
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.schema import DiaryConfig
from edge.diary import daily, last_face, layout, reader, retention, schema, unfinished
from edge.diary.span import span
from edge.diary.writer import HANDOVER_S, WAITING_ROWS, DiaryWriter
from edge.errors import CameraError, ConfigError, DiaryError, FerEdgeError
from edge.records import Reading
from tests.conftest import wait_for
from tests.support.disks import Mounted, bytes_read
from tests.support.samples import LABELS, START, reading

HEADER = b"time,face,emotion,confidence,p_angry,p_happy,p_neutral,x,y,width,height,note\r\n"


def diary(directory: Path, labels: tuple[str, ...] = LABELS, **config: float) -> DiaryWriter:
    config = {"keep_days": 36500} | config  # the samples are of one day in March
    return DiaryWriter(DiaryConfig(**config), directory, labels)  # type: ignore[arg-type]


def write(directory: Path, *at_s: float, **config: float) -> None:
    """One process's life: a row for each second of `at_s`."""
    with diary(directory, LABELS, **config) as writer:
        for second in at_s:
            writer.write(second, [reading(second, face=int(second))])


def faces(directory: Path) -> list[int | None]:
    return [row.face for row in reader.between(layout.files(directory))]


def names(directory: Path) -> set[str]:
    beside = {last_face.NAME, daily.NAME, unfinished.NAME, layout.LOCK}
    return {path.name for path in directory.iterdir()} - beside


def highest(directory: Path) -> int:
    """The face number that a start goes on from."""
    with diary(directory) as writer:
        return writer.last_face


# A row


def test_a_row_is_as_documented(tmp_path: Path) -> None:
    with diary(tmp_path) as writer:
        writer.write(0, [reading(1.5, 7, "angry", confidence=0.70004, notes=("small", "dark"))])
    assert (tmp_path / layout.NAME).read_bytes() == HEADER + (
        b"2026-03-01T12:00:01.500+02:00,7,angry,0.7000,0.7000,0.1500,0.1500,"
        b"10,20,100,110,small dark\r\n"
    )


def test_a_row_is_in_the_kernel_when_write_returns(tmp_path: Path) -> None:
    with diary(tmp_path, fsync_s=86400) as writer:
        for second in range(3):
            writer.write(second, [reading(second)])
            assert len(list(reader.rows(tmp_path / layout.NAME))) == second + 1


def test_a_row_is_on_the_disk_after_fsync_s_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    with diary(tmp_path, fsync_s=30) as writer:
        path = tmp_path / layout.NAME

        def fdatasync(fd: int) -> None:
            if Path(f"/proc/self/fd/{fd}").samefile(path):
                synced.append(second)

        monkeypatch.setattr(os, "fdatasync", fdatasync)
        for second in range(100):
            writer.write(second, [reading(second)] if second < 70 else [])
            if second % 30 == 0:
                wait_for(lambda: synced[-1:] == [second], "the sync")  # noqa: B023
    assert synced == [0, 30, 60, 90]


@pytest.mark.slow
def test_an_fsync_of_three_seconds_stops_no_reading_and_keeps_the_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As SD cards have them; every fsync of this card is like that."""
    syncing, sync = threading.Event(), os.fdatasync

    def fdatasync(fd: int) -> None:
        syncing.set()
        time.sleep(3)
        sync(fd)

    with diary(tmp_path, fsync_s=0) as writer:
        monkeypatch.setattr(os, "fdatasync", fdatasync)
        writer.write(0, [reading(face=1)])
        assert syncing.wait(2)
        began_s, longest_s = time.monotonic(), 0.0
        for second in range(1, 50):
            before_s = time.monotonic()
            writer.write(second, [reading(second, face=second + 1)])
            longest_s = max(longest_s, time.monotonic() - before_s)
        assert longest_s < HANDOVER_S + 0.3
        assert time.monotonic() - began_s < 2
        wait_for(lambda: faces(tmp_path) == list(range(1, 51)), "the rows after the fsync")
        monkeypatch.setattr(os, "fdatasync", sync)
    assert faces(tmp_path) == list(range(1, 51))


def test_a_card_that_takes_no_row_for_long_stops_the_readings_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, write = threading.Event(), os.write

    def stuck(fd: int, data: bytes) -> int:
        free.wait(10)
        return write(fd, data)

    with diary(tmp_path) as writer:
        monkeypatch.setattr(os, "write", stuck)
        began_s = time.monotonic()
        for second in range(50):
            writer.write(second, [reading(second, face=second + 1)])
        assert time.monotonic() - began_s < HANDOVER_S + 0.5
        free.set()
    assert faces(tmp_path) == list(range(1, 51))


def test_no_file_is_world_readable(tmp_path: Path) -> None:
    write(tmp_path, 1, 86400 + 1)
    assert [path.stat().st_mode & 0o007 for path in layout.files(tmp_path)] == [0, 0]


# Starting again


def test_a_second_start_appends(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    write(tmp_path, 3)
    assert faces(tmp_path) == [1, 2, 3]
    assert (tmp_path / layout.NAME).read_bytes().count(b"time,face") == 1


def test_two_processes_cannot_write_the_same_diary(tmp_path: Path) -> None:
    with diary(tmp_path), pytest.raises(FerEdgeError, match="another fer-edge") as refused:
        diary(tmp_path)
    assert refused.value.code == 1
    write(tmp_path, 1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    directory = tmp_path_factory.mktemp("whole")
    write(directory, *range(1, 6))
    return (directory / layout.NAME).read_bytes()


@pytest.mark.slow
@given(cut=st.integers(0, 10_000), tail=st.sampled_from([b"", b"\0" * 100, b"\0" * 5000]))
@settings(deadline=None, max_examples=150)
def test_torn_anywhere_it_keeps_exactly_the_whole_rows(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, cut: int, tail: bytes
) -> None:
    directory = tmp_path_factory.mktemp("torn")
    kept = whole[: cut % (len(whole) + 1)]
    (directory / layout.NAME).write_bytes(kept + tail)
    write(directory, 9)
    ends = [at + 2 for at in range(len(kept)) if kept[at : at + 2] == b"\r\n"]
    expected = kept[: ends[-1]] if ends else HEADER
    if ends and not tail and kept[ends[-1] :].count(b",") == HEADER.count(b","):
        expected = kept.removesuffix(b"\r") + b"\r\n"  # a row that lacks only its end
    content = (directory / layout.NAME).read_bytes()
    assert content.startswith(expected)
    assert content.count(b"\r\n") == expected.count(b"\r\n") + 1
    assert len(layout.files(directory)) == 1
    shutil.rmtree(directory)


@pytest.mark.slow
@given(tail=st.binary(min_size=1, max_size=300))
@settings(deadline=None, max_examples=150)
def test_whatever_garbage_is_at_the_end_rows_before_and_after_it_are_read(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, tail: bytes
) -> None:
    directory = tmp_path_factory.mktemp("garbage")
    (directory / layout.NAME).write_bytes(whole + tail)
    assert highest(directory) == 5
    write(directory, 9)
    assert faces(directory) == [1, 2, 3, 4, 5, 9]
    assert (directory / layout.NAME).read_bytes().startswith(whole)
    shutil.rmtree(directory)


def test_a_tail_of_zeros_larger_than_any_buffer_is_cut_off(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / layout.NAME).write_bytes(whole + b"\0" * 3_000_000)
    write(tmp_path, 9)
    assert (tmp_path / layout.NAME).stat().st_size < len(whole) + 200
    assert faces(tmp_path) == [1, 2, 3, 4, 5, 9]


def test_of_a_large_diary_only_the_torn_end_is_cut_off(tmp_path: Path, whole: bytes) -> None:
    rows = whole[len(HEADER) :]
    large = whole + rows * (2_500_000 // len(rows))
    (tmp_path / layout.NAME).write_bytes(large + rows[:50])
    diary(tmp_path).close()
    assert (tmp_path / layout.NAME).read_bytes() == large


@pytest.mark.parametrize(
    "content",
    [
        HEADER[:60],
        HEADER.replace(b"neutral", b"sad") + b"2026-03-01T12:00:00.000+02:00,1,sad\r\n",
        HEADER.replace(b"\r\n", b"\n") + b"saved by an editor\n",
    ],
    ids=["torn-header", "other-model", "unix-lines"],
)
def test_a_file_that_is_not_this_models_diary_is_archived_or_completed(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / layout.NAME).write_bytes(content)
    write(tmp_path, 1)
    assert (tmp_path / layout.NAME).read_bytes().startswith(HEADER)
    assert faces(tmp_path) == [1]
    old = [path for _, _, path in layout.archives(tmp_path)]
    if not HEADER.startswith(content):
        (path,) = old
        kept = content.partition(b"2026")[0]  # a torn row may go, nothing else
        assert gzip.decompress(path.read_bytes()).startswith(kept)


@pytest.mark.parametrize(
    "content",
    [
        b"my own notes\r\n",
        b"time,face,something else\r\nno rows of ours\r\n",
        HEADER.replace(b",", b";") + b"2026-11-28T10:00:00.000+01:00;1;sad\r\n",
        b"\xff\xfe\0binary",
    ],
    ids=["text", "other-csv", "spreadsheet", "binary"],
)
def test_a_file_that_is_no_diary_is_renamed_and_outlives_every_archive(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    day = date.today()
    other = tmp_path / f"not-a-diary-{day}.csv"
    other.write_bytes(b"the file of an earlier time")
    (tmp_path / layout.NAME).write_bytes(content)
    os.utime(tmp_path / layout.NAME, (0, 0))
    write(tmp_path, 1)
    assert faces(tmp_path) == [1]
    assert not list(layout.archives(tmp_path))
    renamed = tmp_path / f"not-a-diary-{day}.1.csv"
    assert renamed.read_bytes() == content
    assert other.read_bytes() == b"the file of an earlier time"
    said = f"{tmp_path / layout.NAME}: not a diary; renamed to {renamed.name}"
    assert said in [record.message for record in caplog.records]


def test_a_diary_saved_with_unix_line_ends_loses_no_row(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / layout.NAME).write_bytes(whole.replace(b"\r\n", b"\n"))
    assert highest(tmp_path) == 5
    write(tmp_path, 9)
    assert faces(tmp_path) == [1, 2, 3, 4, 5, 9]


@pytest.mark.parametrize("notes", ["", "small", "small dark"])
def test_a_row_saved_without_its_line_end_is_read_and_completed(tmp_path: Path, notes: str) -> None:
    with diary(tmp_path) as writer:
        writer.write(0, [reading(face=1), reading(face=2, notes=tuple(notes.split()))])
    path = tmp_path / layout.NAME
    saved = path.read_bytes()
    path.write_bytes(saved.removesuffix(b"\r\n"))
    assert faces(tmp_path) == [1, 2]
    write(tmp_path, 3)
    assert faces(tmp_path) == [1, 2, 3]
    assert path.read_bytes().startswith(saved)


@pytest.mark.parametrize("name", [layout.NAME, last_face.NAME, unfinished.NAME])
def test_a_directory_in_place_of_a_file_of_the_diary_is_named_and_no_row_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    (tmp_path / name).mkdir()
    with diary(tmp_path) as writer:
        writer.write(0, [reading(1)])
        (line,) = caplog.messages
        assert line.startswith(f"{tmp_path / layout.NAME}: cannot write the diary: ")
        assert f": {tmp_path / name} is a directory; move it away; still trying, rows" in line
        (tmp_path / name).rmdir()
        writer.write(9, [reading(2)])
    assert [row.time.second for row in reader.rows(tmp_path / layout.NAME)] == [1, 2]


def test_a_directory_called_as_an_archive_will_be_costs_no_row(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = tmp_path / "expressions-2026-03-01.csv"
    write(tmp_path, 1)
    (tmp_path / layout.NAME).rename(plain)
    plain.with_name(plain.name + ".gz").mkdir()
    retention.apply_retention(tmp_path, DiaryConfig(keep_days=36500), clock_ok=True)
    assert f"Is a directory: '{plain}.gz.tmp' -> '{plain}.gz'" in caplog.text
    assert [row.face for row in reader.rows(plain)] == [1]


@pytest.mark.parametrize("rubbish", [1, 3000])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_only_rows_say_when_a_file_begins_and_ends(
    tmp_path: Path, pack: Callable[[bytes], bytes], rubbish: int
) -> None:
    """Also where none is near the ends, and where another model's are at the end."""
    others = ("calm", "tense")
    rows = [schema.format_row(reading(at_s)) for at_s in range(5)]
    edited = [each.replace(b"0.5000", b"50 %") * rubbish for each in rows]
    last = schema.format_row(reading(3, emotion="calm", labels=others))
    header = schema.header(others).encode() + b"\r\n"
    path = tmp_path / f"expressions-2026-03-01.csv{'' if pack is bytes else '.gz'}"
    path.write_bytes(pack(HEADER + edited[0] + rows[1] + header + last + edited[4]))
    assert span(path) == (START + timedelta(seconds=1), START + timedelta(seconds=3))
    path.write_bytes(pack(HEADER + edited[0]))
    assert span(path) is None


@pytest.mark.parametrize("end", [b"\r\n", b""])
def test_a_line_that_somebody_edited_at_the_end_is_not_torn_and_stays(
    tmp_path: Path, end: bytes
) -> None:
    """No row, but somebody's own: whoever mends its value has the row again."""
    write(tmp_path, 1, 2)
    path = tmp_path / layout.NAME
    edited = path.read_bytes().replace(b",2,happy,0.5000,", b",2,happy,50 %,").removesuffix(b"\r\n")
    path.write_bytes(edited + end)
    write(tmp_path, 3)
    assert path.read_bytes().startswith(edited + b"\r\n")
    assert faces(tmp_path) == [1, 3]


def test_a_row_torn_within_a_note_is_no_row(tmp_path: Path) -> None:
    with diary(tmp_path) as writer:
        writer.write(0, [reading(face=1), reading(face=2, notes=("blurred",))])
    path = tmp_path / layout.NAME
    path.write_bytes(path.read_bytes().removesuffix(b"red\r\n"))
    assert faces(tmp_path) == [1]
    write(tmp_path, 3)
    assert faces(tmp_path) == [1, 3]


def test_a_diary_saved_with_a_byte_order_mark_loses_no_row(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / layout.NAME).write_bytes(b"\xef\xbb\xbf" + whole)
    assert faces(tmp_path) == [1, 2, 3, 4, 5]
    write(tmp_path, 9)
    assert faces(tmp_path) == [1, 2, 3, 4, 5, 9]
    assert (tmp_path / layout.NAME).read_bytes().startswith(HEADER)


def test_another_models_labels_start_a_new_file_of_the_day_of_its_last_row(
    tmp_path: Path, whole: bytes
) -> None:
    (tmp_path / layout.NAME).write_bytes(whole)
    diary(tmp_path, labels=("no", "yes")).close()
    assert names(tmp_path) == {layout.NAME, "expressions-2026-03-01.csv.gz"}
    assert gzip.decompress((tmp_path / "expressions-2026-03-01.csv.gz").read_bytes()) == whole


# Face numbers


@pytest.mark.parametrize("kept", [None, b"", b"\0" * 13, b"two\n", b"17", b"9" * 5000])
def test_without_a_readable_number_the_newest_files_tell(
    tmp_path: Path, kept: bytes | None
) -> None:
    write(tmp_path, 1, 2, 86400, 86401)
    (tmp_path / layout.NAME).unlink()
    if kept is None:
        (tmp_path / last_face.NAME).unlink()
    else:
        (tmp_path / last_face.NAME).write_bytes(kept)
    assert highest(tmp_path) == 2
    assert highest(tmp_path) == 2, "and it is kept again"


def test_a_number_behind_the_rows_after_a_power_cut_is_caught_up_from_them(tmp_path: Path) -> None:
    write(tmp_path, 1, 2, 3)
    (tmp_path / last_face.NAME).write_bytes(b"%012d\n" % 1)
    assert highest(tmp_path) == 3
    (tmp_path / layout.NAME).unlink()
    assert highest(tmp_path) == 3


def test_a_kill_before_the_row_leaves_a_number_that_is_not_given_again(tmp_path: Path) -> None:
    """The number is written first; a row may be missing for it, never the other way round."""
    done: list[int] = []
    with diary(tmp_path) as writer:
        writer.write(0, [reading(face=1)])
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = (tmp_path / layout.NAME).stat().st_size
        try:  # room for the number, none for the row
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
            writer.write(1, [reading(face=2)])
            done = [int((tmp_path / last_face.NAME).read_text()), len(faces(tmp_path))]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done == [2, 1]


@pytest.mark.parametrize("gone", ["moved away", "another model's", "emptied"])
def test_a_start_reads_no_archive(tmp_path: Path, gone: str) -> None:
    """Else it takes minutes on a Pi, and the watchdog ends it."""
    day = date.today()
    write(tmp_path, 1, 7)
    text = (tmp_path / layout.NAME).read_bytes()
    for age in range(30):
        path = old_file(tmp_path, day - timedelta(days=age))
        path.write_bytes(gzip.compress(text * 2000, 1))
        path.rename(path.with_name(path.name + ".gz"))
    if gone == "moved away":
        (tmp_path / layout.NAME).unlink()
    elif gone == "emptied":
        os.truncate(tmp_path / layout.NAME, 0)
    labels = ("no", "yes") if gone == "another model's" else LABELS
    before = bytes_read()
    with diary(tmp_path, labels=labels) as writer:
        assert writer.last_face == 7
        assert bytes_read() - before < 100_000


# Rotation


def test_a_new_day_starts_a_new_file(tmp_path: Path) -> None:
    write(tmp_path, 1, 2, 86400, 86401, 3 * 86400)
    assert names(tmp_path) == {
        "expressions-2026-03-01.csv.gz",
        "expressions-2026-03-02.csv.gz",
        layout.NAME,
    }
    assert faces(tmp_path) == [1, 2, 86400, 86401, 3 * 86400]


def test_a_file_never_exceeds_max_bytes_and_no_row_is_lost(tmp_path: Path) -> None:
    write(tmp_path, *range(1, 200), max_bytes=4096)
    paths = layout.files(tmp_path)
    assert len(paths) > 3
    assert paths[1].name.startswith("expressions-2026-03-01.1.csv")
    for path in paths:
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        assert len(text) <= 4096
        assert text.startswith(HEADER)
    assert faces(tmp_path) == list(range(1, 200))


def test_a_clock_that_jumps_back_and_forth_loses_and_overwrites_nothing(tmp_path: Path) -> None:
    days = [0, -20, 0, -20, 0, 300, 1]
    with diary(tmp_path) as writer:
        for face, day in enumerate(days, 1):
            writer.write(face, [reading(face=face, time=START + timedelta(days=day))])
    assert sorted(f for f in faces(tmp_path) if f) == list(range(1, len(days) + 1))


def test_a_face_number_is_not_repeated_though_the_clock_jumped_back_and_a_kill_came_between(
    tmp_path: Path,
) -> None:
    with diary(tmp_path) as writer:
        writer.write(0, [reading(face=1, time=START + timedelta(days=300))])
        writer.write(1, [reading(face=2)])
    (tmp_path / layout.NAME).rename(tmp_path / "expressions-2026-03-01.csv")
    os.utime(tmp_path / "expressions-2026-03-01.csv", (0, 0))
    assert highest(tmp_path) == 2
    assert highest(tmp_path) == 2


def killed_while_rotating(directory: Path, step: str) -> None:
    """The files as they are when a kill comes right after `step`."""
    write(directory, 1, 2)
    aside = directory / "expressions-2026-03-01.csv"
    (directory / layout.NAME).rename(aside)
    if step == "renamed":
        return
    if step == "new file":
        (directory / layout.NAME).touch()
        return
    (directory / layout.NAME).write_bytes(HEADER)
    if step == "header":
        return
    packed = gzip.compress(aside.read_bytes())
    half = packed[: len(packed) // 2] if step == "half packed" else packed
    (directory / "expressions-2026-03-01.csv.gz.tmp").write_bytes(half)
    if step == "packed":
        (directory / "expressions-2026-03-01.csv.gz.tmp").rename(
            directory / "expressions-2026-03-01.csv.gz"
        )


@pytest.mark.parametrize("step", ["renamed", "new file", "header", "half packed", "packed"])
def test_a_kill_between_two_steps_of_a_rotation_costs_nothing(tmp_path: Path, step: str) -> None:
    killed_while_rotating(tmp_path, step)
    assert faces(tmp_path) == [1, 2]
    assert highest(tmp_path) == 2
    write(tmp_path, 3)
    assert faces(tmp_path) == [1, 2, 3]
    assert names(tmp_path) == {layout.NAME, "expressions-2026-03-01.csv.gz"}


# Retention


def old_file(directory: Path, day: date, number: int = 0) -> Path:
    path = directory / f"expressions-{day}{f'.{number}' if number else ''}.csv"
    path.write_bytes(HEADER)
    return path


def test_files_older_than_keep_days_are_deleted(tmp_path: Path) -> None:
    today = date.today()
    for age in (0, 5, 6, 400):
        old_file(tmp_path, today - timedelta(days=age))
    retention.apply_retention(tmp_path, DiaryConfig(keep_days=5))
    days = [day for day, _, _ in layout.archives(tmp_path)]
    assert days == [str(today - timedelta(days=5)), str(today)]


def test_a_clock_that_nobody_keeps_right_and_that_jumped_ahead_deletes_nothing(
    tmp_path: Path,
) -> None:
    true_day = date(2026, 3, 1)
    kept = [true_day - timedelta(days=age) for age in (4, 3, 2, 1)]
    for day in kept:
        old_file(tmp_path, day)
    old_file(tmp_path, true_day - timedelta(days=9))
    for jumped in (21, 4000):
        retention.apply_retention(
            tmp_path, DiaryConfig(keep_days=5), true_day + timedelta(days=jumped), clock_ok=False
        )
        assert [day for day, _, _ in layout.archives(tmp_path)] == [str(day) for day in kept]
    retention.apply_retention(
        tmp_path, DiaryConfig(keep_days=5), true_day - timedelta(days=4000), clock_ok=False
    )
    assert len(layout.files(tmp_path)) == 4
    retention.apply_retention(
        tmp_path, DiaryConfig(keep_days=5), true_day + timedelta(days=21), clock_ok=True
    )
    assert layout.files(tmp_path) == []


def test_only_the_newest_keep_files_stay(tmp_path: Path) -> None:
    day = date.today()
    for number in range(12):
        old_file(tmp_path, day, number)
    retention.apply_retention(tmp_path, DiaryConfig(keep_files=3))
    assert [number for _, number, _ in layout.archives(tmp_path)] == [9, 10, 11]


def test_of_a_file_left_both_plain_and_packed_neither_outlives_its_time(tmp_path: Path) -> None:
    path = old_file(tmp_path, date.today() - timedelta(days=9))
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(HEADER))
    retention.apply_retention(tmp_path, DiaryConfig(keep_days=5), clock_ok=True)
    assert names(tmp_path) == set()


def test_one_archive_that_cannot_be_handled_does_not_keep_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    today = date.today()
    (tmp_path / f"expressions-{today - timedelta(days=9)}.csv").mkdir()
    (tmp_path / f"expressions-{today - timedelta(days=2)}.csv").mkdir()
    old_file(tmp_path, today - timedelta(days=8))
    old_file(tmp_path, today - timedelta(days=1))
    retention.apply_retention(tmp_path, DiaryConfig(keep_days=5), clock_ok=True)
    files = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert files == {f"expressions-{today - timedelta(days=1)}.csv.gz"}
    assert len(caplog.records) == 1


def seen_days_ago(days: float, face: int, *notes: str) -> Reading:
    now = datetime.now().astimezone()
    return reading(face=face, time=now - timedelta(days=days), notes=notes)


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
def test_rows_of_before_the_clock_was_set_are_kept_as_long_as_those_after(
    tmp_path: Path, restarted: bool
) -> None:
    with diary(tmp_path) as writer:
        writer.write(0, [seen_days_ago(200, 1, "clock", "dark"), seen_days_ago(200, 2, "clock")])
        if not restarted:
            writer.write(1, [seen_days_ago(0, 3)])
    if restarted:
        with diary(tmp_path) as writer:
            writer.write(1, [seen_days_ago(0, 3)])
    retention.apply_retention(tmp_path, DiaryConfig(keep_days=1), clock_ok=True)
    assert faces(tmp_path) == [1, 2, 3]
    later = date.today() + timedelta(days=2)
    retention.apply_retention(tmp_path, DiaryConfig(keep_days=1), later, clock_ok=True)
    assert faces(tmp_path) == [3]


def test_rows_that_knew_the_time_are_as_old_as_they_say(tmp_path: Path) -> None:
    with diary(tmp_path) as writer:
        writer.write(0, [seen_days_ago(200, 1, "clock"), seen_days_ago(200, 2)])
        writer.write(1, [seen_days_ago(0, 3)])
    retention.apply_retention(tmp_path, DiaryConfig(keep_days=199), clock_ok=True)
    assert faces(tmp_path) == [3]


def test_an_old_current_file_is_archived_at_a_start_though_nobody_comes(tmp_path: Path) -> None:
    with diary(tmp_path) as writer:
        writer.write(0, [seen_days_ago(20, 1)])
    diary(tmp_path, keep_days=21).close()
    assert names(tmp_path) == {layout.NAME}
    diary(tmp_path, keep_days=19).close()
    retention.apply_retention(tmp_path, DiaryConfig(keep_days=19), clock_ok=True)
    assert names(tmp_path) == {layout.NAME}
    assert faces(tmp_path) == []


def test_an_old_current_file_is_archived_within_a_day_though_nobody_comes(tmp_path: Path) -> None:
    with diary(tmp_path, keep_days=19) as writer:
        writer.write(5, [seen_days_ago(20, 1)])
        for second in range(6, 86405, 100):
            writer.write(second, [])
        assert faces(tmp_path) == [1]
        assert names(tmp_path) == {layout.NAME}
        writer.write(86405, [])
    retention.apply_retention(tmp_path, DiaryConfig(keep_days=19), clock_ok=True)
    assert faces(tmp_path) == []


def test_retention_is_applied_once_a_day_though_nobody_comes(tmp_path: Path) -> None:
    with diary(tmp_path, keep_files=2) as writer:
        writer.write(5, [])
        for number in range(4):
            old_file(tmp_path, date.today(), number)
        writer.write(86405, [])
        wait_for(lambda: len(layout.files(tmp_path)) == 3, "two old files and the current one")


def test_retention_leaves_other_files_alone(tmp_path: Path) -> None:
    strangers = ["expressions-old.csv", "notes.csv", "expressions-2020-01-01.csv.bak", "a.gz"]
    for name in strangers:
        (tmp_path / name).touch()
    retention.apply_retention(tmp_path, DiaryConfig(keep_days=1, keep_files=1))
    assert names(tmp_path) == set(strangers)


def test_an_archive_says_in_its_header_when_its_rows_are_and_any_gzip_reads_it(
    tmp_path: Path,
) -> None:
    write(tmp_path, 1, 2, 86400)
    (path,) = [path for _, _, path in layout.archives(tmp_path)]
    assert b"rows from 2026-03-01T12:00:01+02:00 to 2026-03-01T12:00:02+02:00" in path.read_bytes()
    assert span(path) == (START + timedelta(seconds=1), START + timedelta(seconds=2))
    subprocess.run(["gzip", "-t", path], check=True)
    assert subprocess.run(["gzip", "-dc", path], check=True, capture_output=True).stdout.startswith(
        HEADER
    )


def test_a_compressed_file_is_as_old_and_as_private_as_it_was(tmp_path: Path) -> None:
    path = old_file(tmp_path, date.today())
    path.chmod(0o600)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    retention.apply_retention(tmp_path, DiaryConfig())
    ((_, _, packed),) = layout.archives(tmp_path)
    assert (packed.suffix, packed.stat().st_mode & 0o777) == (".gz", 0o600)
    assert packed.stat().st_mtime == 1_000_000_000


# Disks that refuse


@pytest.mark.parametrize("kind", ["file", "below a file", "name too long", "loop"])
def test_a_path_that_cannot_be_a_directory_is_a_configuration_error(
    tmp_path: Path, kind: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    paths = {
        "file": "file",
        "below a file": "file/log",
        "name too long": "x" * 300,
        "loop": "loop/log",
    }
    with pytest.raises(ConfigError, match=r"^diary\.directory: ") as refused:
        diary(tmp_path / paths[kind])
    assert refused.value.code == 78


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]


def test_a_directory_that_cannot_be_made_yet_is_logged_once_and_used_when_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "card").symlink_to("/proc/self/nothing-here")
    with diary(tmp_path / "card" / "log") as writer:
        for second in range(20):
            writer.write(second, [reading(second, face=second)])
        assert len(errors(caplog)) == 1
        (tmp_path / "card").unlink()
        writer.write(21, [reading(21, face=21)])
        assert faces(tmp_path / "card" / "log") == [*range(20), 21]
    assert len(errors(caplog)) == 1


def test_a_disk_full_at_the_start_gets_header_and_rows_when_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / layout.NAME).symlink_to("/dev/full")  # every write: no space left on device
    with diary(tmp_path) as writer:
        for second in range(5):
            writer.write(second, [reading(second, face=second)])
        assert len(errors(caplog)) == 1
        assert os.strerror(errno.ENOSPC) in errors(caplog)[0]
        (tmp_path / layout.NAME).unlink()
        writer.write(6, [])
        assert (tmp_path / layout.NAME).read_bytes().startswith(HEADER)
        assert faces(tmp_path) == list(range(5))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KB, as root can make one."""
    with Mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=64k", "none") as disk:
        yield disk


def test_a_disk_that_fills_up_holds_whole_rows_and_gets_the_others_when_there_is_room(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 40_000)
    log = small_disk / "log"
    with diary(log) as writer:
        for second in range(400):
            writer.write(second, [reading(second, face=second)])
        assert len(errors(caplog)) == 1
        assert (log / layout.NAME).read_bytes().endswith(b"\r\n")
        kept = faces(log)
        assert kept == list(range(len(kept)))
        assert 0 < len(kept) < 400
        ballast.unlink()
        writer.write(401, [])
        assert faces(log) == list(range(400))
    assert len(errors(caplog)) == 1
    assert "0 rows were lost" in caplog.text


def test_on_a_full_disk_files_over_their_time_make_room(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """At a start, when not even the header of a new file finds a place."""
    log = small_disk / "log"
    log.mkdir()
    for number in range(4):
        old_file(log, date.today(), number).write_bytes(HEADER + os.urandom(8_000))
    with contextlib.suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    with diary(log, keep_files=3) as writer:
        writer.write(1, [reading(face=1)])
        seconds = iter(range(2, 1000))

        def written() -> bool:
            writer.write(next(seconds), [])
            return faces(log) == [1]

        wait_for(written, "room for a row")
    assert len(errors(caplog)) == 1
    assert [number for _, number, _ in layout.archives(log)] == [1, 2, 3]


def test_a_write_that_is_cut_short_leaves_no_torn_row(tmp_path: Path) -> None:
    """A limit on file size cuts writes short wherever it falls, as a full disk may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with diary(tmp_path) as writer:
        writer.write(0, [reading(face=1)])
        size = (tmp_path / layout.NAME).stat().st_size
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30, hard))
            writer.write(1, [reading(face=2)])
            assert (tmp_path / layout.NAME).stat().st_size == size
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        writer.write(3, [reading(face=3)])
        assert faces(tmp_path) == [1, 2, 3]


def test_a_card_that_turns_read_only_is_logged_once_and_can_be_unmounted_and_come_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    image = tmp_path / "card.img"
    with image.open("wb") as file:
        file.truncate(4 << 20)
    if not shutil.which("mkfs.ext4", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
        pytest.skip("no mkfs.ext4 here")
    subprocess.run(["mkfs.ext4", "-q", image], check=True, env={"PATH": "/usr/sbin:/sbin:/usr/bin"})
    card = tmp_path / "card"
    with Mounted(card, "-o", "loop", str(image)), diary(card / "log") as writer:
        writer.write(0, [reading(face=1)])
        wait_for(lambda: not writer._file.unsynced, "the first sync")
        subprocess.run(["mount", "-o", "remount,abort", card], check=True)  # as after an I/O error
        for second in range(1, 10):
            writer.write(second, [reading(second, face=second + 1)])
        assert len(errors(caplog)) == 1
        assert os.strerror(errno.EROFS) in errors(caplog)[0]
        subprocess.run(["umount", card], check=True)  # nothing of ours holds it
        subprocess.run(["mount", "-o", "loop", image, card], check=True)
        writer.write(10, [reading(10, face=11)])
        assert faces(card / "log")[-10:] == list(range(2, 12))
    assert len(errors(caplog)) == 1


def test_memory_is_bounded_while_the_disk_refuses_and_the_latest_rows_are_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / layout.NAME).symlink_to("/dev/full")
    writer = diary(tmp_path)
    for second in range(WAITING_ROWS + 10):
        writer.write(second / 1000, [reading(face=second)])
    (tmp_path / layout.NAME).unlink()
    writer.write(100, [])
    wait_for(lambda: faces(tmp_path) == list(range(10, WAITING_ROWS + 10)), "the latest rows")
    assert "10 rows were lost" in caplog.text
    with pytest.raises(DiaryError, match=r"10 rows could not be written$"):
        writer.close()


def test_rows_that_never_found_a_place_are_counted_at_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / layout.NAME).symlink_to("/dev/full")
    writer = diary(tmp_path)
    writer.write(0, [reading(), reading()])
    with pytest.raises(DiaryError, match=r"2 rows could not be written: No space left") as refused:
        writer.close()
    assert refused.value.code == 1
    writer.close()
    assert len(errors(caplog)) == 1


def test_rows_that_never_found_a_place_do_not_hide_what_ended_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / layout.NAME).symlink_to("/dev/full")

    def run() -> None:
        with diary(tmp_path) as writer:
            writer.write(0, [reading()])
            raise CameraError("unplugged")

    with pytest.raises(CameraError, match="unplugged"):
        run()
    assert "1 rows could not be written" in caplog.text


def test_a_diary_that_is_taken_away_needs_no_retention(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, pack = tmp_path / "log", retention.pack
    folder.mkdir()
    (folder / f"expressions-{date.today()}.csv").write_bytes(b"row")

    def pack_and_move(path: Path, part: Path) -> None:
        pack(path, part)
        folder.rename(tmp_path / "elsewhere")

    monkeypatch.setattr(retention, "pack", pack_and_move)
    retention.apply_retention(folder, DiaryConfig())
    assert (tmp_path / "elsewhere").exists()
    assert not caplog.records


@pytest.mark.parametrize("gone", ["file", "directory", "moved", "emptied", "cut short"])
def test_a_diary_removed_while_running_is_started_again_with_the_next_row(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, gone: str
) -> None:
    place = tmp_path / "log"
    with diary(place, fsync_s=86400) as writer:
        writer.write(0, [reading(face=1)])
        if gone == "file":
            (place / layout.NAME).unlink()
        elif gone == "directory":
            shutil.rmtree(place)
        elif gone == "emptied":
            os.truncate(place / layout.NAME, 0)
        elif gone == "cut short":
            os.truncate(place / layout.NAME, len(HEADER))
        else:
            place.rename(tmp_path / "elsewhere")
        for second in (1, 2, 3):
            writer.write(second, [reading(face=second + 1)])
        assert faces(place) == [2, 3, 4]
    assert [r.getMessage() for r in caplog.records] == [
        f"{place / layout.NAME}: was moved, removed or cut short; starting a new file"
    ]


def test_a_directory_that_is_removed_and_cannot_be_made_again_yet_loses_no_later_row(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "card" / "log"
    place.mkdir(parents=True)
    with diary(place) as writer:
        writer.write(0, [reading(face=1)])
        shutil.rmtree(tmp_path / "card")
        (tmp_path / "card").symlink_to("/proc/self/nothing-here")  # a card that was pulled out
        for second in range(1, 20):
            writer.write(second, [reading(face=second + 1)])
        (tmp_path / "card").unlink()
        writer.write(30, [])
        assert faces(place) == list(range(2, 21))
    assert len(errors(caplog)) == 1


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    writer = diary(tmp_path)
    writer.write(0, [reading(face=1)])
    writer.close()
    writer.close()
    assert faces(tmp_path) == [1]
