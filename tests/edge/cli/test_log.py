"""`fer-edge log` as used over ssh, and the reader below it."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.cli import log as log_command
from edge.config.schema import Config, DiaryConfig
from edge.diary import daily, last_face, layout, reader, retention, schema, tail
from edge.diary.writer import DiaryWriter
from tests.conftest import ROOT, Run, command, environment, wait_for
from tests.support.diaries import ago, printed_faces, write
from tests.support.disks import bytes_read
from tests.support.samples import LABELS, reading

NOW = datetime.now().astimezone().replace(microsecond=0)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where `fer_edge` finds its diary."""
    return tmp_path / "log"


# What is printed


def test_a_row_is_one_readable_line(fer_edge: Run, log: Path) -> None:
    time = datetime.fromisoformat("2026-11-01T08:15:00.250+01:00")
    with DiaryWriter(DiaryConfig(keep_days=36500), log, LABELS) as diary:
        diary.write(0, [reading(face=12, time=time, confidence=0.812, notes=("dark", "small"))])
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


@pytest.mark.parametrize("when", ["1", "h", "1 hour", "-1h", "1y", "", "2026-02-30", "25:00"])
def test_an_invalid_time_is_bad_usage(fer_edge: Run, when: str) -> None:
    done = fer_edge("log", f"--since={when}")
    assert done.returncode == 2
    assert "write a duration such as 30m, 2h30m or 7d, a date" in done.stderr


def test_since_and_until_take_dates_and_times(fer_edge: Run, log: Path) -> None:
    midnight = datetime.combine(datetime.now().date(), datetime.min.time()).astimezone()
    second = timedelta(seconds=1)
    write(log, midnight - timedelta(days=1), midnight - second, midnight, ago())
    day, yesterday = midnight.date(), midnight.date() - timedelta(days=1)
    for options, faces in (
        (("--since", "today"), [3, 4]),
        (("--since", "yesterday", "--until", "today"), [1, 2]),
        (("--since", f"{day}"), [3, 4]),
        (("--until", f"{day}"), [1, 2]),
        (("--since", f"{yesterday} 00:00:01"), [2, 3, 4]),
        (("--since", f"{yesterday}T23:00:00", "--until", "today"), [2]),
        (("--since", midnight.astimezone(UTC).isoformat()), [3, 4]),
        (("--since", "00:00"), [3, 4]),
    ):
        assert printed_faces(fer_edge("log", *options).stdout) == faces, options


def test_since_and_until_take_durations_together(fer_edge: Run, log: Path) -> None:
    write(log, ago(minutes=170), ago(minutes=150), ago(minutes=100))
    for options, faces in (
        (("--since", "2h40m"), [2, 3]),
        (("--until", "2h10m"), [1, 2]),
        (("--since", "2h40m", "--until", "2h"), [2]),
    ):
        assert printed_faces(fer_edge("log", *options).stdout) == faces, options


def test_rows_are_chosen_by_expression_face_confidence_and_notes(fer_edge: Run, log: Path) -> None:
    with DiaryWriter(DiaryConfig(), log, LABELS) as diary:
        for face, (emotion, confidence, notes) in enumerate(
            [
                ("happy", 0.9, ()),
                ("angry", 0.8, ("clock", "dark")),
                ("angry", 0.4, ("clock",)),  # a device without a network marks all of them
                ("happy", 0.5, ()),
            ],
            1,
        ):
            diary.write(
                0, [reading(0, face, emotion, confidence=confidence, time=ago(), notes=notes)]
            )
    for options, faces in (
        (("--emotion", "anger"), [2, 3]),
        (("--face", 3), [3]),
        (("--min-confidence", 0.5), [1, 2, 4]),
        (("--no-doubtful",), [1, 3, 4]),
        (("--emotion", "angry", "--no-doubtful"), [3]),
        (("--last", 2), [3, 4]),
        (("--last", 1, "--emotion", "angry"), [3]),
        (("--last", 9), [1, 2, 3, 4]),
    ):
        assert printed_faces(fer_edge("log", *options).stdout) == faces, options
    assert fer_edge("log", "--min-confidence", "2").returncode == 2
    assert fer_edge("log", "--last", "0").returncode == 2


def test_a_span_that_ends_before_it_begins_is_bad_usage(
    fer_edge: Run, log: Path, tmp_path: Path
) -> None:
    write(log, ago(minutes=5))
    for words in (("log",), ("export", "--csv", "--out", tmp_path / "out")):
        done = fer_edge(*words, "--since", "1h", "--until", "2h")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "fer-edge: --since must be before --until\n"


def test_a_face_is_a_number(fer_edge: Run) -> None:
    done = fer_edge("log", "--face", "x")
    assert done.returncode == 2
    assert "--face: must be a whole number" in done.stderr


def test_last_reaches_back_over_as_many_files_as_it_takes(fer_edge: Run, log: Path) -> None:
    write(log, *[ago(days=9 - n, minutes=n) for n in range(9)])
    assert len(layout.files(log)) == 9
    assert printed_faces(fer_edge("log", "--last", 4).stdout) == [6, 7, 8, 9]


def test_rows_of_one_second_are_sorted_by_face(fer_edge: Run, log: Path) -> None:
    now = ago()
    with DiaryWriter(DiaryConfig(), log, LABELS) as diary:
        for ms, face in ((0, 3), (100, 1), (500, 2), (1000, 2), (1000, 1)):
            time = now + timedelta(milliseconds=ms)
            diary.write(0, [reading(face=face, time=time)])
    assert printed_faces(fer_edge("log").stdout) == [1, 2, 3, 1, 2]
    rows = json.loads(fer_edge("log", "--json").stdout)["rows"]
    assert [row["face"] for row in rows] == [1, 2, 3, 1, 2]


def test_since_goes_by_the_rows_times_though_the_clock_was_wrong(fer_edge: Run, log: Path) -> None:
    """The clock stood a month back at boot, and jumped; then it was rotated and compressed."""
    write(log, ago(days=40), ago(minutes=5), ago(days=40), ago(minutes=2))
    assert len(layout.files(log)) == 4
    assert printed_faces(fer_edge("log", "--since", "1h").stdout) == [2, 4]


def test_csv_is_the_rows_as_they_are(log: Path) -> None:
    write(log, ago(minutes=5), ago(minutes=4))
    done = subprocess.run(
        command("log", "--csv"), env=environment(log.parent), capture_output=True, check=True
    )
    assert done.stdout == (log / layout.NAME).read_bytes()


def two_models(log: Path) -> None:
    """A row of a model, one of another with other labels in another order, one of the first."""
    write(log, ago(minutes=5))
    with DiaryWriter(DiaryConfig(), log, ("neutral", "yes", "happy")) as diary:
        diary.write(
            0, [reading(face=2, emotion="yes", labels=("neutral", "yes", "happy"), time=NOW)]
        )
    write(log, ago(), first_face=3)


def test_csv_has_one_header_whatever_models_wrote_the_rows(fer_edge: Run, log: Path) -> None:
    two_models(log)
    header, *rows = fer_edge("log", "--csv").stdout.splitlines()
    assert header == (
        "time,face,emotion,confidence,p_angry,p_happy,p_neutral,p_yes,x,y,width,height,note"
    )
    probabilities = [row.split(",")[4:8] for row in rows]
    assert probabilities == [
        ["0.0950", "0.8100", "0.0950", ""],
        ["", "0.2500", "0.2500", "0.5000"],
        ["0.0950", "0.8100", "0.0950", ""],
    ]
    assert header.count(",") == rows[0].count(",") == rows[1].count(",")


def test_json_has_the_same_keys_in_every_row_whatever_models_wrote_them(
    fer_edge: Run, log: Path
) -> None:
    two_models(log)
    rows = json.loads(fer_edge("log", "--json").stdout)["rows"]
    assert [{key: row[key] for key in row if key[:2] == "p_"} for row in rows[:2]] == [
        {"p_angry": 0.095, "p_happy": 0.81, "p_neutral": 0.095, "p_yes": None},
        {"p_neutral": 0.25, "p_yes": 0.5, "p_happy": 0.25, "p_angry": None},
    ]


def test_json_is_one_object_with_all_rows_and_numbers_are_numbers(fer_edge: Run, log: Path) -> None:
    earlier = ago(days=2)
    write(log, earlier, ago(minutes=4))
    done = fer_edge("log", "--json")
    assert done.stderr == ""
    first, second = json.loads(done.stdout)["rows"]
    assert datetime.fromisoformat(first.pop("time")) == earlier
    assert first == {
        "face": 1,
        "emotion": "happy",
        "confidence": 0.81,
        "p_angry": 0.095,
        "p_happy": 0.81,
        "p_neutral": 0.095,
        "x": 10,
        "y": 20,
        "width": 100,
        "height": 110,
        "note": "",
    }
    assert second["face"] == 2
    assert json.loads(fer_edge("log", "--json", "--since", "1s").stdout) == {"rows": []}


# Long diaries


def peak_mb(log: Path, *options: str) -> float:
    """The largest resident memory of `fer-edge log` with these options, its output thrown away."""
    process = subprocess.Popen(
        command("log", *options), env=environment(log.parent), stdout=subprocess.DEVNULL
    )
    peak_kb = 0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak_kb = max([peak_kb, *(int(n) for n in re.findall(r"VmHWM:\s*(\d+)", status))])
        time.sleep(0.005)
    assert process.returncode == 0
    return peak_kb / 1024


@pytest.mark.parametrize("options", ["--json", "--csv", "--last 150000 --json", "--no-doubtful"])
def test_memory_does_not_grow_with_the_rows(log: Path, options: str) -> None:
    write(log, NOW)
    header, row = (log / layout.NAME).read_bytes().splitlines(keepends=True)
    (log / layout.NAME).write_bytes(header + row * 200_000)
    assert peak_mb(log, *options.split()) < 30


def archives(log: Path, days: Iterable[int]) -> list[Path]:
    """A file of 2,000 rows for each of these days ago, compressed as the service does it."""
    dice = random.Random(1)
    log.mkdir()
    for age in days:
        stamp = ago(days=age).isoformat(timespec="milliseconds")
        text = schema.header(LABELS) + "\r\n"
        for face in range(2000):
            numbers = ",".join(f"{dice.random():.4f}" for _ in range(4))
            text += f"{stamp},{face},happy,{numbers},1,2,40,40,\r\n"
        (log / f"expressions-{stamp[:10]}.csv").write_text(text, newline="")
    retention.apply_retention(log, DiaryConfig(), clock_ok=True)
    return [path for _, _, path in layout.archives(log)]


def test_files_outside_the_span_are_not_read(log: Path) -> None:
    paths = archives(log, range(30, 10, -1))
    for path in paths:  # as after a copy
        os.utime(path)
    size = sum(path.stat().st_size for path in paths)
    for span, rows in (
        ((ago(days=4), ago(days=2)), 0),
        ((ago(days=20, hours=1), ago(days=19, hours=1)), 2000),
    ):
        before = bytes_read()
        assert len(list(reader.between(layout.files(log), *span))) == rows
        assert bytes_read() - before < size / 3


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_of_many_days_that_somebody_put_together_is_read_where_it_matters(
    log: Path, packed: bool
) -> None:
    """Its name and its time of change tell nothing."""
    now, hour = ago(), timedelta(hours=1)
    write(log, *[now - hours * hour for hours in range(200, 0, -1)])
    texts = [
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in layout.files(log)
    ]
    for path in layout.files(log):
        path.unlink()
    text = b"".join(texts)
    path = log / f"expressions-2020-01-01.csv{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(text) if packed else text)
    os.utime(path, (0, 0))
    found = reader.between(layout.files(log), now - 100 * hour, now - 90 * hour)
    assert [row.face for row in found] == list(range(101, 111))
    assert list(reader.between(layout.files(log), now - hour / 2)) == []


# No rows


def test_no_row_in_the_span_is_no_error_and_says_which_is_the_newest(
    fer_edge: Run, log: Path
) -> None:
    old = ago(days=3)
    write(log, ago(days=5), old)
    done = fer_edge("log", "--since", "1h")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "", 1)
    assert done.stderr.startswith("no rows since 20")
    assert f"; newest row {old:%Y-%m-%d %H:%M:%S}; diary: {log}\n" in done.stderr
    done = fer_edge("log", "--emotion", "joyless", "--json")
    assert json.loads(done.stdout) == {"rows": []}
    assert done.stderr.startswith(f"no rows that match; newest row {old:%Y-%m-%d %H:%M:%S}; ")


@pytest.mark.parametrize("content", [b"", b"garbage\r\n" * 9, b"\xff\0" * 99, b"a,b\r\n1,2\r\n"])
def test_a_diary_without_a_row_says_so(fer_edge: Run, log: Path, content: bytes) -> None:
    log.mkdir()
    (log / layout.NAME).write_bytes(content)
    done = fer_edge("log")
    assert (done.returncode, done.stdout) == (0, "")
    *said, last = done.stderr.splitlines()
    assert last == f"no rows; no row can be read; diary: {log}"
    assert len(said) == bool(content)
    assert all(line.startswith(f"WARNING: {log / layout.NAME}:1: no header") for line in said)


def test_a_video_of_today_is_told_to_have_its_own_clock(fer_edge: Run, log: Path) -> None:
    midnight = datetime.combine(datetime.now().date(), datetime.min.time()).astimezone()
    if ago(seconds=2) < midnight:
        pytest.skip("just after midnight")
    write(log, midnight)
    done = fer_edge("log", "--since", "1s")
    assert "rows of a video file are stamped from midnight on" in done.stderr
    assert done.stderr.count("\n") == 1


def test_no_diary_yet_is_one_line_that_says_where_it_would_be(fer_edge: Run, log: Path) -> None:
    done = fer_edge("log")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"fer-edge: no diary in {log} yet; fer-edge run writes it (see diary.directory)\n"
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
    lines = (log / layout.NAME).read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b",happy,", b',"happy,')  # a quote, which swallows what follows
    lines[2] = lines[2].replace(b",happy,", b",ha\rppy,")
    lines[3] = b"\0" * 40 + lines[3]
    lines[4] = lines[4][:30]  # and so the next one is lost too
    lines[6] = lines[6].replace(b"0.8100", b"0.\xff100")
    lines[7] = lines[7].replace(b"0.8100", b"zero")
    (log / layout.NAME).write_bytes(b"".join(lines))
    done = fer_edge("log")
    assert done.returncode == 0
    said = (
        f"{log / layout.NAME}:2: emotion: '\"happy' is not an expression of this file's header;"
        " skipped, and so are 5 lines after it"
    )
    assert done.stderr == f"WARNING: {said}\n"
    assert printed_faces(done.stdout) == [8]
    rows = json.loads(fer_edge("log", "--json").stdout)["rows"]
    assert [(row["face"], row["p_happy"]) for row in rows] == [(8, 0.81)]


@pytest.mark.parametrize("damage", ["cut", "zeros", "text", "empty", "folder"])
def test_a_damaged_old_file_hides_no_other(fer_edge: Run, log: Path, damage: str) -> None:
    write(log, ago(days=3), ago(days=2), ago(minutes=1))
    path = layout.files(log)[0]
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
    (log / layout.NAME).unlink()
    (log / last_face.NAME).unlink()
    with DiaryWriter(DiaryConfig(), log, LABELS) as diary:
        assert diary.last_face == 2


def test_a_file_compressed_since_it_was_listed_is_read_all_the_same(log: Path) -> None:
    write(log, ago(days=3))
    plain = log / "expressions-2026-01-01.csv"
    (log / layout.NAME).rename(plain)
    listed = layout.files(log)
    plain.with_name(plain.name + ".gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert [row.face for row in reader.between(listed, ago(days=9))] == [1]


def test_an_event_without_a_face_is_shown_by_its_word(fer_edge: Run, log: Path) -> None:
    write(log, ago(minutes=5))
    fields = schema.header(LABELS).count(",")
    with (log / layout.NAME).open("ab") as file:
        file.write(f"{NOW.isoformat(timespec='milliseconds')}{',' * fields}paused\r\n".encode())
    assert fer_edge("log").stdout.splitlines()[-1].endswith("  paused")
    write(log, NOW, first_face=2)
    assert len(fer_edge("log").stdout.splitlines()) == 3


def test_without_a_diary_of_the_users_own_the_services_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOGS_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(log_command, "SERVICE", tmp_path / "service")
    own = tmp_path / "home" / "fer-edge"
    assert log_command.where(Config()) == own
    (tmp_path / "service").symlink_to(tmp_path / "private" / "not-for-us")
    assert log_command.where(Config()) == tmp_path / "service"
    own.mkdir(parents=True)
    (own / layout.NAME).write_bytes(b"")
    assert log_command.where(Config()) == own
    assert log_command.where(Config(diary=DiaryConfig(directory=tmp_path))) == tmp_path


def test_a_diary_without_permission_says_to_try_sudo() -> None:
    """As a user without rights: root may read everything."""
    if os.geteuid() != 0:
        pytest.skip("only root can become nobody")
    # Everything is imported before: only root may be allowed to read the rest of Python, too.
    script = (
        "import locale, os, shutil; from edge.cli import log; from edge.cli.main import main;"
        "os.setuid(65534); exit(main(['log']))"
    )
    with tempfile.TemporaryDirectory() as folder:  # not below tmp_path, which only root may read
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


@pytest.mark.parametrize("count", [1, 3, 700, 5000])
def test_the_last_rows_are_those_of_a_whole_reading(fer_edge: Run, log: Path, count: int) -> None:
    now = datetime.now().astimezone().replace(hour=12, minute=0, second=0, microsecond=0)
    with DiaryWriter(DiaryConfig(), log, LABELS) as diary:
        times = [now + timedelta(seconds=number // 3) for number in range(6000)]
        diary.write(0, [reading(0, 1 + 7 * n % 3, time=time) for n, time in enumerate(times)])
    whole = fer_edge("log").stdout.splitlines()
    for options in ((), ("--face", 2)):
        expected = [line for line in whole if not options or "face 2 " in line]
        done = fer_edge("log", "--last", count, *options)
        assert done.stdout.splitlines() == expected[-count:], options


def test_reading_the_end_reads_no_megabytes(tmp_path: Path) -> None:
    with DiaryWriter(DiaryConfig(), tmp_path, LABELS) as diary:
        begin = NOW.replace(hour=1)
        times = [begin + timedelta(milliseconds=100 * number) for number in range(9_000)]
        for part in range(0, len(times), 3000):
            diary.write(part, [reading(0, 1, time=time) for time in times[part : part + 3000]])
    path = tmp_path / layout.NAME
    wait_for((tmp_path / daily.NAME).exists, "what else reads the file")
    before = bytes_read()
    with path.open("rb") as file:
        found = tail.last_rows(file, 10, iter)
    assert bytes_read() - before < 100_000 < path.stat().st_size
    assert found
    assert found.rows == list(reader.rows(path))[-10:]


def test_a_file_with_another_models_header_within_is_read_from_its_beginning(
    fer_edge: Run, log: Path
) -> None:
    write(log, *[ago(minutes=9)] * 600)
    path = log / layout.NAME
    kept = path.read_bytes()
    header, *rows = kept.splitlines(keepends=True)
    other = header.replace(b"p_angry,p_happy", b"p_happy,p_angry")
    path.write_bytes(kept + other + b"".join(rows) * 3)
    with path.open("rb") as file:
        assert tail.last_rows(file, 5, iter) is None
    assert len(fer_edge("log", "--last", 5).stdout.splitlines()) == 5
