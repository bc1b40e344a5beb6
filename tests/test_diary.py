"""`fer-edge log`, as people use it over ssh, and the reader below it."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

import pytest

from edge import diary, show
from edge.config import Config, Log
from edge.journal import Journal
from tests.conftest import ROOT, Run, command, environment, wait_for
from tests.samples import LABELS, reading

NOW = datetime.now().astimezone().replace(microsecond=0)


def ago(**span: float) -> datetime:
    return datetime.now().astimezone().replace(microsecond=0) - timedelta(**span)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where `fer_edge` finds its diary."""
    return tmp_path / "log"


def write(log: Path, *times: datetime, first_face: int = 1, max_bytes: int = 10_000_000) -> None:
    with Journal(Log(max_bytes=max_bytes), log, LABELS) as journal:
        for face, time in enumerate(times, first_face):
            journal.write(0, [reading(face=face, time=time, confidence=0.81)])


def printed_faces(text: str) -> list[int]:
    return [int(line.split()[3]) for line in text.splitlines()]


# What is printed


def test_a_row_is_one_readable_line(fer_edge: Run, log: Path) -> None:
    time = datetime.fromisoformat("2026-11-01T08:15:00.250+01:00")
    with Journal(Log(keep_days=36500), log, LABELS) as journal:
        journal.write(0, [reading(face=12, time=time, confidence=0.812, notes=("dark", "small"))])
    done = fer_edge("log")
    assert done.stdout == (
        "2026-11-01 08:15:00  face 12   happy      81%  (angry 9%)       dark small\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_since_shows_only_rows_that_young(fer_edge: Run, log: Path) -> None:
    write(log, ago(days=9), ago(hours=26), ago(hours=5), ago(minutes=59), ago(seconds=1))
    for span, faces in (("1h", [4, 5]), ("6h", [3, 4, 5]), ("2d", [2, 3, 4, 5]), ("90s", [5])):
        assert printed_faces(fer_edge("log", "--since", span).stdout) == faces
    for span in ("4w", "999999w"):
        assert printed_faces(fer_edge("log", "--since", span).stdout) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("span", ["1", "h", "1 hour", "-1h", "1y", ""])
def test_a_span_that_is_none_is_bad_usage(fer_edge: Run, span: str) -> None:
    done = fer_edge("log", f"--since={span}")
    assert done.returncode == 2
    assert "write a number and s, m, h, d or w" in done.stderr


def test_since_goes_by_the_rows_times_though_the_clock_was_wrong(fer_edge: Run, log: Path) -> None:
    """The clock stood a month back at boot, and jumped; then it was rotated and compressed."""
    write(log, ago(days=40), ago(minutes=5), ago(days=40), ago(minutes=2))
    assert len(diary.files(log)) == 4
    assert printed_faces(fer_edge("log", "--since", "1h").stdout) == [2, 4]


def test_csv_is_the_rows_as_they_are_with_a_header_for_each_model(fer_edge: Run, log: Path) -> None:
    write(log, ago(minutes=5))
    with Journal(Log(), log, ("no", "yes")) as journal:
        journal.write(0, [reading(face=3, emotion="yes", labels=("no", "yes"), time=NOW)])
    done = subprocess.run(
        command("log", "--csv"), env=environment(log.parent), capture_output=True, check=True
    )
    old, new = diary.files(log)
    assert done.stdout == gzip.decompress(old.read_bytes()) + new.read_bytes()


def test_json_is_one_object_with_all_rows(fer_edge: Run, log: Path) -> None:
    earlier = ago(days=2)
    write(log, earlier, ago(minutes=4))
    done = fer_edge("log", "--json")
    assert done.stderr == ""
    rows = json.loads(done.stdout)["rows"]
    assert [row["face"] for row in rows] == ["1", "2"]
    assert rows[0]["p_happy"] == "0.8100"
    assert datetime.fromisoformat(rows[0]["time"]) == earlier
    assert json.loads(fer_edge("log", "--json", "--since", "1s").stdout) == {"rows": []}


def test_no_diary_yet_is_one_line_that_says_where_it_would_be(fer_edge: Run, log: Path) -> None:
    done = fer_edge("log")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"fer-edge: no diary in {log} yet; fer-edge run writes it (see log.directory)\n"
    )
    assert not log.exists()


def test_follow_and_json_contradict_each_other(fer_edge: Run, log: Path) -> None:
    write(log, NOW)
    done = fer_edge("log", "--follow", "--json")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_reader_that_goes_away_early_is_no_error(log: Path) -> None:
    write(log, *[ago(seconds=n) for n in range(3000)])
    process = subprocess.Popen(
        command("log"),
        env=environment(log.parent),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


# Damage


def test_damaged_rows_are_passed_over_and_the_rest_is_shown(fer_edge: Run, log: Path) -> None:
    write(log, *[NOW] * 8)
    lines = (log / diary.NAME).read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b",happy,", b',"happy,')  # a quote, which swallows what follows
    lines[2] = lines[2].replace(b",happy,", b",ha\rppy,")
    lines[3] = b"\0" * 40 + lines[3]
    lines[4] = lines[4][:30]  # and so the next one is lost too
    lines[6] = lines[6].replace(b"0.8100", b"0.\xff100")
    lines[7] = lines[7].replace(b"0.8100", b"zero")
    (log / diary.NAME).write_bytes(b"".join(lines))
    done = fer_edge("log")
    assert (done.returncode, done.stderr) == (0, "")
    assert printed_faces(done.stdout) == [1, 7, 8]
    assert len(json.loads(fer_edge("log", "--json").stdout)["rows"]) == 3


@pytest.mark.parametrize("damage", ["cut", "zeros", "text", "empty", "folder"])
def test_a_damaged_old_file_hides_no_other(fer_edge: Run, log: Path, damage: str) -> None:
    write(log, ago(days=3), ago(days=2), ago(minutes=1))
    path = diary.files(log)[0]
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        spoilt = {
            "cut": content[: len(content) // 2],
            "zeros": b"\0" * len(content),
            "text": b"hello",
            "empty": b"",
        }
        path.write_bytes(spoilt[damage])
    done = fer_edge("log")
    assert done.returncode == 0
    assert printed_faces(done.stdout)[-2:] == [2, 3]
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 1
    (log / diary.NAME).unlink()
    assert diary.last_face(log) == 2


def test_a_file_compressed_since_it_was_listed_is_read_all_the_same(log: Path) -> None:
    write(log, ago(days=3))
    plain = log / "expressions-2026-01-01.csv"
    (log / diary.NAME).rename(plain)
    listed = diary.files(log)
    plain.with_name(plain.name + ".gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert [row.face for row in diary.since(listed, ago(days=9))] == [1]


def test_an_event_without_a_face_is_shown_by_its_word(fer_edge: Run, log: Path) -> None:
    write(log, ago(minutes=5))
    fields = diary.header(LABELS).count(",")
    with (log / diary.NAME).open("ab") as file:
        file.write(f"{NOW.isoformat(timespec='milliseconds')}{',' * fields}paused\r\n".encode())
    assert fer_edge("log").stdout.splitlines()[-1].endswith("  paused")
    write(log, NOW, first_face=2)
    assert len(fer_edge("log").stdout.splitlines()) == 3
    assert diary.last_face(log) == 2


# Following


@pytest.fixture
def follow(log: Path) -> Iterator[Callable[..., IO[str]]]:
    """Starts `fer-edge log --follow ...`; what it prints, as a file that can be read anew."""
    processes: list[subprocess.Popen[bytes]] = []
    out = log.parent / "followed.txt"

    def start(*options: str) -> Path:
        with out.open("wb") as file:
            processes.append(
                subprocess.Popen(
                    command("log", "--follow", *options),
                    env=environment(log.parent),
                    stdout=file,
                    stderr=subprocess.STDOUT,
                )
            )
        return out

    yield start  # type: ignore[misc]
    for process in processes:
        process.terminate()
        process.wait(10)


def test_follow_shows_what_is_there_and_then_each_row_as_it_is_written(
    log: Path, follow: Callable[..., Path]
) -> None:
    write(log, ago(days=3), ago(minutes=2))
    out = follow("--since", "1h")
    wait_for(lambda: printed_faces(out.read_text()) == [2], "the rows so far")
    with Journal(Log(), log, LABELS) as journal:
        for face in (3, 4):
            journal.write(0, [reading(face=face, time=NOW)])
            wait_for(lambda: printed_faces(out.read_text())[-1] == face, "the new row")  # noqa: B023
    assert printed_faces(out.read_text()) == [2, 3, 4]


def test_follow_waits_for_a_diary_and_goes_on_across_a_rotation(
    log: Path, follow: Callable[..., Path]
) -> None:
    out = follow()
    write(log, ago(days=1, minutes=1))
    wait_for(lambda: printed_faces(out.read_text()) == [1], "the first row")
    write(log, ago(), first_face=2)  # of another day: a new file
    wait_for(lambda: printed_faces(out.read_text()) == [1, 2], "the row of the new file")
    assert len(diary.files(log)) == 2


def test_follow_goes_on_when_the_file_is_emptied(log: Path, follow: Callable[..., Path]) -> None:
    out = follow()
    with Journal(Log(), log, LABELS) as journal:
        for face in (1, 2, 3):
            journal.write(0, [reading(face=face, time=NOW)])
        wait_for(lambda: printed_faces(out.read_text()) == [1, 2, 3], "the first rows")
        os.truncate(log / diary.NAME, 0)
        journal.write(1, [reading(face=4, time=NOW)])
        wait_for(lambda: printed_faces(out.read_text()) == [1, 2, 3, 4], "the row after them")


def test_follow_prints_no_torn_row(log: Path, follow: Callable[..., Path]) -> None:
    write(log, NOW)
    row = (log / diary.NAME).read_bytes().splitlines(keepends=True)[1]
    out = follow("--csv")
    wait_for(lambda: len(out.read_bytes().splitlines()) == 2, "header and row")
    fd = os.open(log / diary.NAME, os.O_WRONLY | os.O_APPEND)
    os.write(fd, row[:20])
    write_whole = row[20:] + row
    os.write(fd, write_whole)
    os.close(fd)
    wait_for(lambda: len(out.read_bytes().splitlines()) == 4, "two more rows")
    assert out.read_bytes().splitlines(keepends=True)[1:] == [row] * 3


def test_ctrl_c_ends_following_without_a_word(log: Path) -> None:
    write(log, NOW)
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


def test_without_a_diary_of_ones_own_the_services_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOGS_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(show, "SERVICE", tmp_path / "service")
    own = tmp_path / "home" / "fer-edge"
    assert show.where(Config()) == own
    (tmp_path / "service").symlink_to(tmp_path / "private" / "not-for-us")
    assert show.where(Config()) == tmp_path / "service"
    own.mkdir(parents=True)
    (own / diary.NAME).write_bytes(b"")
    assert show.where(Config()) == own
    assert show.where(Config(log=Log(directory=str(tmp_path)))) == tmp_path


def test_a_diary_of_somebody_else_says_to_try_sudo() -> None:
    """As a user without rights: root may read everything."""
    if os.geteuid() != 0:
        pytest.skip("only root can become nobody")
    # Everything is imported before: the rest of Python may be root's alone, too.
    script = (
        "import locale, os; from edge.__main__ import main; os.setuid(65534); exit(main(['log']))"
    )
    with tempfile.TemporaryDirectory() as folder:  # not below tmp_path, which is root's alone
        Path(folder).chmod(0o755)
        (Path(folder) / "log").mkdir(mode=0o700)
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment(Path(folder)),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "sudo" in done.stderr
