"""What is wrong with a diary's files: every command says the same, once, and reads the rest."""

from __future__ import annotations

import gzip
import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from edge import filelock
from edge.diary import daily, layout, reader, schema
from edge.diary.faults import Faults
from edge.diary.tally import tally
from edge.export.source import items
from tests.conftest import Run
from tests.support.diaries import printed_faces
from tests.support.samples import LABELS, reading

NOW = datetime.now().astimezone().replace(microsecond=0)
EARLIER = NOW - timedelta(minutes=90)
OTHERS = ("no", "yes")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where `fer_edge` finds its diary."""
    return tmp_path / "log"


def header(labels: tuple[str, ...] = LABELS) -> bytes:
    return schema.header(labels).encode() + b"\r\n"


def row(face: int, time: datetime, labels: tuple[str, ...] = LABELS) -> bytes:
    emotion = "yes" if labels is OTHERS else "happy"
    return schema.format_row(reading(face=face, time=time, emotion=emotion, labels=labels))


@pytest.fixture
def said(log: Path) -> list[str]:
    """Makes a diary with about everything that can be wrong; what is to be said of it."""
    log.mkdir()
    day = f"{NOW - timedelta(days=2):%Y-%m-%d}"
    foreign, cut = log / f"expressions-{day}.csv", log / f"expressions-{day}.1.csv.gz"
    foreign.write_text("date,mood\nmonday,fine\n")
    cut.write_bytes(gzip.compress(header() + row(1, NOW - timedelta(days=2)))[:-4])
    current = log / layout.NAME
    lines = [
        b"\xef\xbb\xbf" + header(),
        row(2, EARLIER),
        row(9, NOW)[:40] + b"\r\n",
        row(3, NOW),
        row(4, EARLIER),
        row(5, NOW),
        b"\r\n",
        row(9, NOW).replace(b",9,", b",nine,"),
        header(OTHERS),
        row(6, NOW, OTHERS),
        b"\0" * 100,
    ]
    current.write_bytes(b"".join(lines))
    return [
        f"{foreign}:1: no header of a diary before it; skipped, and so is 1 line after it",
        f"{cut}:3: cannot be read from here on: Compressed file ended before the end-of-stream"
        " marker was reached",
        f"{current}:5: the clock went back, from {NOW:%Y-%m-%d %H}:00 to {EARLIER:%Y-%m-%d %H}:00",
        f"{current}:9: rows of another model from here on",
        f"{current}:3: 4 values instead of 12; skipped, and so are 2 lines after it",
    ]


COMMANDS = [
    ("log",),
    ("log", "--csv"),
    ("log", "--json"),
    ("log", "--last", "3"),
    ("summary",),
    ("summary", "--by", "face", "--since", "7d"),
    ("summary", "--rebuild"),
    ("summary", "--rebuild", "--by", "face", "--since", "7d"),
    ("report", "--out", "{out}.html"),
    ("export", "--csv", "--out", "{out}"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_says_the_same_once(
    fer_edge: Run, log: Path, said: list[str], words: tuple[str, ...]
) -> None:
    done = fer_edge(*(word.format(out=log.parent / "out") for word in words))
    assert done.returncode == 0
    warnings = [line for line in done.stderr.splitlines() if line.startswith("WARNING: ")]
    if "--last" in words:  # which looks no further back
        said = said[2:]
    assert warnings == [f"WARNING: {line}" for line in said]


def test_the_rest_is_read(fer_edge: Run, said: list[str]) -> None:
    assert said
    assert printed_faces(fer_edge("log").stdout) == [1, 2, 3, 4, 5, 6]
    found = json.loads(fer_edge("summary", "--json").stdout)
    assert found["total"]["readings"] == 6


def test_now_says_what_is_wrong_with_the_rows_that_it_reads(
    fer_edge: Run, log: Path, said: list[str]
) -> None:
    """The last two files, of which it parses the last ten minutes."""
    done = fer_edge("now")
    assert done.stderr.splitlines() == [f"WARNING: {said[n]}" for n in (1, 3, 4)]
    assert "0 of 3 readings were negative" in done.stdout


def test_forget_says_it_and_what_becomes_of_such_lines(
    fer_edge: Run, log: Path, said: list[str]
) -> None:
    done = fer_edge("forget", "--all", "--yes")
    assert done.returncode == 0
    fate = "kept or deleted with the row before it"
    assert done.stderr.splitlines() == [
        f"WARNING: {line.replace('skipped', fate)}" for line in said
    ]
    assert done.stdout == "deleted: rows: 6, files: 3, hours of the table: 0\n"
    assert layout.files(log) == []


EDITED = [
    (b",9,", b",-1,", "face: '-1' is not the number of a face"),
    (b",happy,", b",,", "emotion: '' is not an expression of this file's header"),
    (b",happy,", b",calm,", "emotion: 'calm' is not an expression of this file's header"),
    (b"happy,0.5000", b"happy,7", "confidence: '7' is not a number from 0 to 1"),
    (b"happy,0.5000", b"happy,nan", "confidence: 'nan' is not a number from 0 to 1"),
    (b"0.2500", b"-0.25", "p_angry: '-0.25' is not a number from 0 to 1"),
    (b"0.2500", b"nan", "p_angry: 'nan' is not a number from 0 to 1"),
    (b",110,", b",1e3,", "height: '1e3' is not a whole number of pixels"),
    (b",9,", b",,", "emotion: a row without a face has no value there"),
    (row(9, NOW)[29:-2], b"," * header().count(b","), "neither a face nor an event's note"),
    (row(9, NOW)[:4], b"year", f"time: 'year{str(NOW)[4:10]}"),
]


@pytest.mark.parametrize(("old", "new", "why"), EDITED)
def test_a_value_that_is_not_what_it_must_be_is_said(
    log: Path, caplog: pytest.LogCaptureFixture, old: bytes, new: bytes, why: str
) -> None:
    log.mkdir()
    path = log / layout.NAME
    path.write_bytes(header() + row(2, NOW) + row(9, NOW).replace(old, new, 1) + row(3, NOW))
    assert [each.face for each in reader.rows(path)] == [2, 3]
    (said,) = caplog.messages
    assert said.startswith(f"{path}:3: {why}")
    assert [hour.readings for hour in tally([path])] == [2]
    assert [item.cells[2] for item in items(path, Faults())] == ["2", "3"]
    assert caplog.messages == [said] * 3


def test_no_command_counts_rows_that_somebody_edited_wrongly(fer_edge: Run, log: Path) -> None:
    log.mkdir()
    edited = b"".join(row(9, NOW).replace(old, new, 1) for old, new, _ in EDITED)
    (log / layout.NAME).write_bytes(header() + row(2, NOW) + edited + row(3, NOW))
    warning = (
        f"WARNING: {log / layout.NAME}:3: {EDITED[0][2]}; skipped, and so are 10 lines after it\n"
    )
    shown = fer_edge("log")
    assert (shown.stderr, printed_faces(shown.stdout)) == (warning, [2, 3])
    now = fer_edge("now", "--json")
    assert (now.stderr, json.loads(now.stdout)["counted"]) == (warning, 2)
    summary = fer_edge("summary", "--json")
    assert (summary.stderr, json.loads(summary.stdout)["total"]["readings"]) == (warning, 2)
    faces = fer_edge("summary", "--by", "face", "--json")
    assert (faces.stderr, faces.stdout.count('"face": ')) == (warning, 2)
    exported = fer_edge("export", "--csv", "--out", log.parent / "out")
    assert (exported.stderr, exported.stdout[:11]) == (warning, "2 new rows ")
    assert fer_edge("forget", "--all", "--yes").stdout.startswith("deleted: rows: 2,")


def test_no_command_takes_its_time_from_a_line_that_is_not_a_row(fer_edge: Run, log: Path) -> None:
    log.mkdir()
    old, edited = NOW - timedelta(days=2), row(9, NOW).replace(b"0.5000", b"7")
    (log / layout.NAME).write_bytes(header() + edited + row(2, old) + edited)
    assert datetime.fromisoformat(json.loads(fer_edge("now", "--json").stdout)["newest"]) == old
    found = json.loads(fer_edge("status", "--json").stdout)["diary"]
    assert datetime.fromisoformat(found["newest"]) == old
    assert f"newest row {old:%Y-%m-%d %H:%M:%S}; " in fer_edge("log", "--since", "1h").stderr


@pytest.mark.parametrize("odd", [b"mood", b"p_happy,p_happy", b"p_ha\x01ppy"])
def test_a_header_with_other_columns_is_none_for_every_reader(
    fer_edge: Run, log: Path, odd: bytes
) -> None:
    log.mkdir()
    lines = header().replace(b"p_happy", odd) + row(1, NOW)
    (log / layout.NAME).write_bytes(lines)
    for words in (("log",), ("summary",), ("export", "--csv", "--out", log.parent / "out")):
        assert fer_edge(*words).stderr.startswith(
            f"WARNING: {log / layout.NAME}:1: no header of a diary before it; skipped, and so is 1"
        )


def test_a_torn_last_line_is_nothing_wrong_while_the_service_may_write_it(
    fer_edge: Run, log: Path
) -> None:
    log.mkdir()
    path = log / layout.NAME
    path.write_bytes(header() + row(1, NOW) + row(2, NOW)[:40])
    torn = f"WARNING: {path}:3: 4 values instead of 12; skipped\n"
    for words in (("log",), ("summary",), ("export", "--csv", "--out", log.parent / "out")):
        assert fer_edge(*words).stderr == torn
    lock = filelock.take(log)
    for words in (("log",), ("summary",), ("export", "--csv", "--out", log.parent / "out")):
        assert fer_edge(*words).stderr == ""
    os.close(lock)


def test_damaged_lines_of_the_table_of_hours_are_said_once_too(fer_edge: Run, log: Path) -> None:
    log.mkdir()
    (log / layout.NAME).write_bytes(header() + row(1, NOW))
    assert fer_edge("summary", "--rebuild").returncode == 0
    with (log / daily.NAME).open("ab") as file:
        file.write(b"rubbish\r\n" * 3)
    for words in (("summary",), ("summary", "--by", "week"), ("summary", "--until", "1s")):
        said = fer_edge(*words).stderr
        assert said == (
            f"WARNING: {log / daily.NAME}:3: not a line of this table; skipped, and so are 2 lines"
            " after it\n"
        )


def test_archives_that_are_empty_or_directories_are_said_and_the_rest_is_read(
    fer_edge: Run, log: Path
) -> None:
    log.mkdir()
    day = f"expressions-{NOW - timedelta(days=2):%Y-%m-%d}"
    empty, nothing, folder = (log / f"{day}{end}" for end in (".csv", ".1.csv.gz", ".2.csv.gz"))
    empty.touch()
    nothing.write_bytes(gzip.compress(b""))
    folder.mkdir()
    (log / layout.NAME).write_bytes(header() + row(1, NOW))
    said = [
        *(f"WARNING: {path}: an empty file; what it had is lost" for path in (empty, nothing)),
        f"WARNING: {folder}: a directory in place of the file; move it away",
    ]
    shown = fer_edge("log")
    assert (shown.stderr.splitlines(), printed_faces(shown.stdout)) == (said, [1])
    summary = fer_edge("summary", "--rebuild", "--json")
    assert summary.stderr.splitlines() == said
    assert json.loads(summary.stdout)["total"]["readings"] == 1
    exported = fer_edge("export", "--csv", "--out", log.parent / "out")
    assert (exported.stderr.splitlines(), exported.returncode) == (said, 0)
    forgotten = fer_edge("forget", "--all", "--yes")
    assert (forgotten.stderr, forgotten.returncode) == (
        "".join(f"{line}\n" for line in (*said[:2], said[2].replace("WARNING", "fer-edge"))),
        1,
    )


def test_a_diary_that_was_just_begun_is_nothing_wrong(fer_edge: Run, log: Path) -> None:
    log.mkdir()
    (log / layout.NAME).touch()
    done = fer_edge("summary")
    assert "WARNING" not in done.stderr
    assert done.stderr.startswith("no rows since ")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (layout.NAME, ("log",)),
        (layout.NAME, ("now",)),
        (layout.NAME, ("summary", "--rebuild")),
        (layout.NAME, ("export", "--csv", "--out", "{out}")),
        (layout.NAME, ("log", "--last", "2")),
        (layout.NAME, ("log", "--follow")),
        (daily.NAME, ("summary",)),
        (daily.NAME, ("summary", "--rebuild")),
        (daily.NAME, ("report", "--out", "{out}.html")),
        (daily.NAME, ("forget", "--all", "--yes")),
        (layout.NAME, ("forget", "--all", "--yes")),
    ],
)
def test_a_directory_in_place_of_a_file_is_one_line_that_says_what_helps(
    fer_edge: Run, log: Path, name: str, words: tuple[str, ...]
) -> None:
    log.mkdir()
    (log / layout.NAME).write_bytes(header() + row(1, EARLIER))
    (log / name).unlink(missing_ok=True)
    (log / name).mkdir()
    done = fer_edge(*(word.format(out=log.parent / "out") for word in words))
    assert (done.returncode, done.stdout) == (1, "")
    place = log / name
    assert done.stderr == f"fer-edge: {place}: a directory in place of the file; move it away\n"


@pytest.mark.parametrize(
    "words", [("log",), ("summary",), ("now",), ("export", "--csv", "--out", "{out}")], ids=" ".join
)
def test_a_file_in_place_of_the_directory_is_named_by_its_key(
    fer_edge: Run, log: Path, words: tuple[str, ...]
) -> None:
    log.write_text("")
    done = fer_edge(*(word.format(out=log.parent / "out") for word in words))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"fer-edge: diary.directory: {log} is a file, not a directory\n"


def test_a_file_that_is_exported_as_a_diary_is_named_by_its_option(
    fer_edge: Run, log: Path
) -> None:
    log.write_text("")
    words = ("--csv", "--out", log.parent / "out", "--device", "pi", "--diary", log)
    done = fer_edge("export", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"fer-edge: --diary: {log} is a file, not a directory\n"
