"""`fer-edge summary`, `now` and `forget` as used over ssh."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from edge.config.schema import DiaryConfig
from edge.diary import daily, hours, layout, reader, schema, unfinished
from edge.diary.forget import Forgotten, forget
from edge.diary.hour import Hour
from edge.diary.schema import model_note
from edge.diary.writer import DiaryWriter
from edge.records import Event, Reading
from tests.conftest import ROOT, Run, command, environment, wait_for
from tests.support.samples import LABELS, reading

MODEL = model_note("3fa9c2d41b7e", 1.0)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where `fer_edge` finds its diary."""
    directory = tmp_path / "log"
    directory.mkdir()
    return directory


def midnight(days_ago: int = 0) -> datetime:
    day = date.today() - timedelta(days=days_ago)
    return datetime.combine(day, datetime.min.time()).astimezone()


def write(log: Path, *entries: Reading | Event) -> None:
    with DiaryWriter(DiaryConfig(keep_days=36500), log, LABELS, MODEL) as diary:
        diary.write(0, entries)


def week(log: Path) -> None:
    """Yesterday 20 happy and 5 angry readings, the day before an alert and 4 neutral ones."""
    times = [midnight(1) + timedelta(hours=9, seconds=second) for second in range(25)]
    write(
        log,
        *(
            reading(0, 1, "neutral", time=midnight(2) + timedelta(hours=8, seconds=n))
            for n in range(4)
        ),
        Event(midnight(2) + timedelta(hours=8, seconds=5), "raised:negative"),
        *(reading(0, 2, "happy", time=at) for at in times[:20]),
        *(reading(0, 3, "angry", time=at, notes=("clock",)) for at in times[20:]),
        reading(0, 3, "angry", time=times[24] + timedelta(seconds=1), notes=("dark",)),
    )


def test_a_summary_counts_what_the_rows_say(fer_edge: Run, log: Path) -> None:
    week(log)
    done = fer_edge("summary", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    total = found["total"]
    assert (total["readings"], total["counted"]) == (30, 29)
    assert total["counts"] == {"angry": 5, "happy": 20, "neutral": 4}
    assert total["negative"] == 5 / 29
    assert total["alerts"] == {"negative": 1}
    assert total["longest"]["happy"] == {
        "seconds": 20,
        "hour": (midnight(1) + timedelta(hours=9)).isoformat(),
    }
    assert found["usual"] is None
    days = [(each["period"], each["counted"], each["face_s"]) for each in found["periods"]]
    before, yesterday = date.today() - timedelta(days=2), date.today() - timedelta(days=1)
    assert days == [(before.isoformat(), 4, 4), (yesterday.isoformat(), 25, 26)]


def test_a_summary_is_read_on_the_terminal(fer_edge: Run, log: Path) -> None:
    week(log)
    done = fer_edge("summary")
    assert (done.returncode, done.stderr) == (0, "")
    text = done.stdout.replace("\N{NO-BREAK SPACE}", " ")
    assert "negative 17 %; what is usual here is known after three weeks" in text
    assert "happy    69 %  █████████████████████\n" in text
    assert "longest happy: 0:20 min" in text
    assert "\x1b" not in text
    (line,) = [line for line in text.splitlines() if line.startswith(str(midnight(2).date()))]
    assert line.split()[-1] == "negative"


@pytest.mark.parametrize("by", ["day", "face"])
def test_a_terminal_that_is_not_utf_8_gets_plain_signs(log: Path, by: str) -> None:
    week(log)
    done = subprocess.run(
        command("summary", "--by", by, "--since", "7d", "--config", os.devnull),
        env=environment(log.parent) | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode("ascii")
    assert " min" in text
    assert "?" not in text


@pytest.mark.parametrize(("by", "lines"), [("hour", 2), ("day", 2), ("week", None), ("face", 3)])
def test_a_line_for_each_hour_day_week_or_face(
    fer_edge: Run, log: Path, by: str, lines: int | None
) -> None:
    week(log)
    done = fer_edge("summary", "--by", by, "--since", "7d", "--json")
    found = json.loads(done.stdout)
    found = found["visits"] if by == "face" else found["periods"]
    assert sum(each["readings"] for each in found) == 30
    if lines:
        assert len(found) == lines
    assert fer_edge("summary", "--by", by, "--since", "7d").returncode == 0


def test_only_the_longest_visits_are_shown_and_it_says_so(fer_edge: Run, log: Path) -> None:
    with (log / layout.NAME).open("wb") as file:
        file.write(schema.header(LABELS).encode() + b"\r\n")
        for face in range(1, 1203):
            file.write(schema.format_row(reading(0, face, time=midnight())))
    found = json.loads(fer_edge("summary", "--by", "face", "--json").stdout)
    assert (len(found["visits"]), found["shorter"]) == (1000, 202)
    said = fer_edge("summary", "--by", "face").stdout
    assert said.endswith("202 shorter visits; fer-edge export has all\n")


def test_since_and_until_cut_within_an_hour(fer_edge: Run, log: Path) -> None:
    week(log)
    begin = midnight(1) + timedelta(hours=9, seconds=10)
    done = fer_edge(
        "summary",
        "--json",
        "--since",
        begin.isoformat(),
        "--until",
        f"{begin + timedelta(seconds=12)}",
    )
    assert json.loads(done.stdout)["total"]["counts"] == {"angry": 2, "happy": 10}
    done = fer_edge("summary", "--since", "1h", "--until", "2h")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_the_usual_range_is_that_of_weeks_before_the_last(fer_edge: Run, log: Path) -> None:
    days = [
        Hour(
            midnight(back) + timedelta(hours=12),
            watched_s=3600,
            face_s=3600,
            readings=100,
            counts={"angry": back % 11, "happy": 100 - back % 11},
        )
        for back in range(60, 0, -1)
    ]
    daily.store(log, days)
    found = json.loads(fer_edge("summary", "--json").stdout)["usual"]
    shares = sorted(back % 11 / 100 for back in range(8, 61))
    assert found["days"] == len(shares)
    assert shares[4] <= found["low"] <= shares[6]
    assert shares[-6] <= found["high"] <= shares[-4]
    text = fer_edge("summary").stdout.replace("\N{NO-BREAK SPACE}", " ")
    assert "usual here is 1 % to 9 % of a day" in text


def test_every_summary_says_once_what_it_could_not_read(fer_edge: Run, log: Path) -> None:
    week(log)
    path = log / layout.NAME
    path.write_bytes(path.read_bytes() + b"rubbish\r\n")
    done = fer_edge("summary", "--json")
    assert done.returncode == 0
    assert done.stderr.count("1 value instead of 12; skipped") == 1
    assert f"{path}:" in done.stderr


@pytest.mark.parametrize("name", ["summary", "now", "forget"])
def test_without_a_diary_it_says_so(fer_edge: Run, name: str) -> None:
    options = ["--all", "--yes"] if name == "forget" else []
    done = fer_edge(name, *options)
    assert done.returncode == 1
    assert "no diary in" in done.stderr


def test_rebuild_brings_rows_into_the_table(fer_edge: Run, log: Path) -> None:
    week(log)
    for name in (daily.NAME, unfinished.NAME):
        (log / name).unlink(missing_ok=True)
    assert fer_edge("summary", "--rebuild").returncode == 0
    assert [hour.readings for hour in daily.read(log)] == [4, 26]


# Now


def test_now_says_who_is_in_view_and_what_is_raised(fer_edge: Run, log: Path) -> None:
    now = datetime.now().astimezone()
    entries: list[Reading | Event] = [
        reading(0, 1, "angry", time=now - timedelta(minutes=5)),
        Event(now - timedelta(minutes=4), "raised:negative"),
        Event(now - timedelta(minutes=4), "raised:other"),
        Event(now - timedelta(minutes=3), "cleared:other"),
        reading(0, 2, "happy", time=now + timedelta(minutes=2), confidence=0.84),
    ]
    with DiaryWriter(DiaryConfig(), log, LABELS, MODEL) as diary:
        diary.write(0, entries)
        done = fer_edge("now", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [(face["face"], face["emotion"], face["confidence"]) for face in found["faces"]] == [
        (2, "happy", 0.84)
    ]
    assert (found["negative"], found["counted"], found["raised"]) == (1, 2, ["negative"])
    assert found["state"] == "watching"
    text = fer_edge("now").stdout
    assert "face 2: happy 84%" in text
    assert "not running" in text


def test_a_summary_of_nothing_says_where_it_looked(fer_edge: Run, log: Path) -> None:
    write(log, reading(0, 1, time=midnight(3)))
    newest = f"newest row {midnight(3):%Y-%m-%d} 00:00:00; diary: {log}"
    for words in (("--by", "hour"), ("--by", "face"), ("--json",)):
        done = fer_edge("summary", "--since", "1h", *words)
        assert done.returncode == 0
        assert done.stderr.startswith("no rows since 20")
        assert newest in done.stderr
        assert done.stderr.count("\n") == 1
    assert fer_edge("summary", "--since", "7d").stderr == ""


def test_now_with_nobody_there_names_the_newest_row(fer_edge: Run, log: Path) -> None:
    write(log, reading(0, 1, time=midnight(3)))
    text = fer_edge("now").stdout
    assert f"nobody in view; the newest row is of {midnight(3):%Y-%m-%d} 00:00:00" in text


# Forget


def days_of(log: Path) -> list[str]:
    rows = reader.between(layout.files(log))
    return sorted({row.day for row in rows if row.face is not None})


def three_days(log: Path) -> list[str]:
    for back in (3, 2, 1):
        write(
            log, *(reading(0, 9 - back, time=midnight(back) + timedelta(hours=n)) for n in (0, 23))
        )
    hours.rebuild(log)
    return [str(midnight(back).date()) for back in (3, 2, 1)]


@pytest.mark.parametrize("kept", [3, 2, 1, 0])
def test_what_is_before_a_day_is_gone_from_rows_and_table(
    fer_edge: Run, log: Path, kept: int
) -> None:
    days = three_days(log)
    before = str(midnight(kept).date())
    done = fer_edge("forget", "--before", before, "--yes", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    gone = 3 - kept
    assert json.loads(done.stdout) == {"rows": 2 * gone, "files": gone, "hours": 2 * gone}
    assert days_of(log) == days[gone:]
    assert sorted({str(hour.start.date()) for hour in hours.hours(log)}) == days[gone:]
    for path in log.iterdir():
        content = path.read_bytes()
        assert not any(day.encode() in content for day in days[:gone]), path
        assert not any(day in path.name for day in days[:gone])


def test_all_is_everything_and_numbers_are_still_not_given_again(fer_edge: Run, log: Path) -> None:
    three_days(log)
    assert fer_edge("forget", "--all", "--yes").stdout == (
        "deleted: rows: 6, files: 3, hours of the table: 6\n"
    )
    assert layout.files(log) == []
    with DiaryWriter(DiaryConfig(), log, LABELS) as diary:
        assert diary.last_face == 8


def test_a_copy_of_a_damaged_table_is_deleted_also_where_nothing_else_is(
    fer_edge: Run, log: Path
) -> None:
    log.mkdir(exist_ok=True)
    copy = log / "hours-damaged-2026-03-01.csv"
    copy.write_text("hour;watched_s\n")
    done = fer_edge("forget", "--before", "today", "--yes")
    assert (done.returncode, done.stderr.count(f"{copy}: a copy of a damaged table stays")) == (
        0,
        1,
    )
    assert fer_edge("forget", "--all", "--yes").returncode == 0
    assert not copy.exists()


@pytest.mark.parametrize("packed", [False, True])
def test_of_a_file_of_several_days_the_other_rows_stay_as_they_are(log: Path, packed: bool) -> None:
    three_days(log)
    texts = [reader.open_binary(path).read() for path in layout.files(log)]
    head, *_ = texts[0].splitlines(keepends=True)
    rows = [line for text in texts for line in text.splitlines(keepends=True)[2:]]
    model = texts[0].splitlines(keepends=True)[1]
    for path in layout.files(log):
        path.unlink()
    path = log / "expressions-2020-01-01.csv"
    path.write_bytes(head + model + b"".join(rows[:2]) + b"torn\r\n" + b"".join(rows[2:]))
    path.chmod(0o640)
    os.utime(path, (1e9, 1e9))
    if packed:
        subprocess.run(["gzip", path], check=True)
        path = path.with_name(path.name + ".gz")
    assert forget(log, midnight(2)) == Forgotten(2, 0, 2)
    stamp = rows[2].partition(b",")[0]
    expected = head + stamp + b"," + model.partition(b",")[2] + b"".join(rows[2:])
    assert reader.open_binary(path).read() == expected
    assert (path.stat().st_mode & 0o777, path.stat().st_mtime) == (0o640, 1e9)
    assert forget(log, midnight(2)) == Forgotten(0, 0, 0)


def test_no_row_is_lost_that_the_service_writes_meanwhile(log: Path) -> None:
    """Hundreds of rows a second, of today and of before, while the old ones are deleted."""
    three_days(log)
    stop, written = threading.Event(), list[int]()
    with DiaryWriter(DiaryConfig(max_bytes=20_000), log, LABELS, MODEL) as diary:

        def work() -> None:
            while not stop.is_set():
                face = 100 + len(written)
                diary.write(face, [reading(0, face, time=midnight() + timedelta(seconds=face))])
                written.append(face)
                time.sleep(0.001)

        thread = threading.Thread(target=work)
        thread.start()
        for _ in range(20):
            forget(log, midnight())
            count = len(written)
            wait_for(lambda: len(written) > count + 10, "more rows")  # noqa: B023
        stop.set()
        thread.join()
    rows = [row.face for row in reader.between(layout.files(log)) if row.face]
    assert Counter(rows) == Counter(written)
    assert days_of(log) == [str(date.today())]


def test_everything_can_be_forgotten_while_the_service_writes(log: Path) -> None:
    with DiaryWriter(DiaryConfig(), log, LABELS, MODEL) as diary:
        for face in range(1, 10):
            diary.write(face, [reading(0, face, time=midnight() + timedelta(seconds=face))])
        wait_for(lambda: len(list(reader.rows(log / layout.NAME))) == 10, "the rows")
        assert forget(log, None).rows == 9
        diary.write(10, [reading(0, 10, time=midnight() + timedelta(seconds=10))])
    assert [row.face for row in reader.between(layout.files(log)) if row.face] == [10]


def test_without_a_terminal_it_must_be_told_yes(fer_edge: Run, log: Path) -> None:
    days = three_days(log)
    done = fer_edge("forget", "--all")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--yes" in done.stderr
    assert days_of(log) == days


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("\n", 3), ("no\n", 3)])
def test_on_a_terminal_it_asks(log: Path, answer: str, left: int) -> None:
    three_days(log)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("forget", "--all"),
        env=environment(log.parent),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    os.write(ours, answer.encode())
    _, said = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert said.startswith(f"Delete everything in {log}? It cannot be undone. [y/N] ")
    assert (process.returncode, len(days_of(log))) == (0 if left == 0 else 1, left)


@pytest.mark.parametrize(
    "options", [(), ("--before", "x"), ("--before", "2026-13-01"), ("--all", "--before", "today")]
)
def test_a_wrong_request_deletes_nothing(
    fer_edge: Run, log: Path, options: tuple[str, ...]
) -> None:
    days = three_days(log)
    assert fer_edge("forget", *options, "--yes").returncode == 2
    assert days_of(log) == days


def test_the_service_imports_nothing_of_this() -> None:
    """Rich, and the room for reading, are not in the process of `fer-edge run`."""
    script = (
        "import sys; import edge.cli.run, edge.service.loop, edge.service.reload;"
        "print(sorted(n for n in sys.modules if n.split('.')[0] == 'rich' or 'edge.report' in n))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"
