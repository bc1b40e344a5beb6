"""The table of hours: what is counted, when it is written, and what a kill or an edit leaves."""

from __future__ import annotations

import gzip
import logging
import os
import resource
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.schema import DiaryConfig
from edge.diary import daily, layout, reader, retention, unfinished
from edge.diary import hours as history
from edge.diary.faults import Faults
from edge.diary.forget import forget
from edge.diary.hour import Hour
from edge.diary.hour_grid import HOUR, hour_of
from edge.diary.schema import Row, format_event, format_row, header, model_note
from edge.diary.tally import tally
from edge.diary.writer import DiaryWriter
from edge.records import Event, Reading
from tests.conftest import wait_for
from tests.support.samples import LABELS, START, frame, reading

MODEL = model_note("3fa9c2d41b7e", 1.0)


def lines(entries: Iterable[Reading | Event], labels: tuple[str, ...] = LABELS) -> bytes:
    """A diary's file."""
    rows = (
        format_event(each, labels) if isinstance(each, Event) else format_row(each)
        for each in entries
    )
    return header(labels).encode() + b"\r\n" + b"".join(rows)


def file(directory: Path, entries: Iterable[Reading | Event], name: str = layout.NAME) -> Path:
    path = directory / name
    path.write_bytes(lines(entries))
    return path


def at(second: float, note: str) -> Event:
    return Event(START + timedelta(seconds=second), note)


def one(hours: Sequence[Hour]) -> Hour:
    (hour,) = hours
    return hour


# What is counted


def test_an_hour_has_what_its_rows_say(tmp_path: Path) -> None:
    entries: list[Reading | Event] = [
        at(0, MODEL),
        *(reading(second, 1, "happy") for second in range(10)),
        reading(10, 1, "angry", notes=("clock",)),
        reading(11, 1, "angry", notes=("dark", "turned")),
        at(11, "raised:negative"),
        *(reading(second, 2, "neutral") for second in range(100, 130)),
        at(200, "cleared:negative"),
        at(300, "raised:negative"),
    ]
    hour = one(tally([file(tmp_path, entries)]))
    assert hour == Hour(
        START,
        watched_s=42,
        face_s=42,
        readings=42,
        raised={"negative": 2},
        longest_s={"angry": 1, "happy": 10, "neutral": 30},
        models=("3fa9c2d41b7e",),
        counts={"angry": 1, "happy": 10, "neutral": 30},
    )
    assert (hour.good, hour.negative) == (41, 1)


@pytest.mark.parametrize(
    ("interval_s", "seconds", "face_s"),
    [
        (1, [0, 1, 2], 3),
        (1, [0, 1, 1, 0], 2),
        (1, [0, 6], 7),  # out of sight for a moment: the face keeps its number
        (1, [0, 7], 2),
        (10, [0, 10, 20], 30),
        (10, [3, 18], 25),
        (10, [3, 19], 20),
        (10, [0, 3599], 11),
        (0, [0, 0.1, 0.2, 0.9], 1),
    ],
)
def test_somebody_is_in_view_until_the_next_reading_or_for_an_interval(
    tmp_path: Path, interval_s: float, seconds: list[float], face_s: int
) -> None:
    rows = [reading(second, face) for face, second in enumerate(seconds, 1)]
    hour = one(tally([file(tmp_path, [at(0, model_note("x", interval_s)), *rows])]))
    assert hour.face_s == face_s


def test_a_stretch_is_one_face_showing_one_expression_within_an_hour(tmp_path: Path) -> None:
    rows = [
        *(reading(second, 1, "happy") for second in range(0, 20)),
        *(reading(second, 2, "angry") for second in range(5, 12)),
        reading(20, 1, "angry"),
        *(reading(second, 1, "happy") for second in range(21, 30)),
        *(reading(second, 3, "neutral") for second in range(3590, 3620)),
    ]
    rows.sort(key=lambda row: row.time)
    first, second = tally([file(tmp_path, rows)])
    assert first.longest_s == {"angry": 7, "happy": 20, "neutral": 10}
    assert second.longest_s == {"neutral": 20}


def test_pauses_are_counted_in_every_hour_that_they_touch(tmp_path: Path) -> None:
    entries: list[Reading | Event] = [
        reading(0),
        at(1800, "paused"),
        at(3600 * 3 + 60, "resumed"),
        reading(3600 * 3 + 70),
        at(3600 * 3 + 100, "paused"),
        reading(3600 * 3 + 130),  # the power was cut: nobody noted the end
    ]
    assert [hour.paused_s for hour in tally([file(tmp_path, entries)])] == [1800, 3600, 3600, 90]


def test_a_part_of_an_hour_counts_only_what_lies_in_it(tmp_path: Path) -> None:
    rows: list[Reading | Event] = [
        *(reading(second, 1) for second in (*range(0, 200, 10), *range(4000, 7200, 10))),
        at(100, "raised:x"),
        at(200, "paused"),
        at(4000, "resumed"),
    ]
    rows.sort(key=lambda row: row.time)
    path = file(tmp_path, rows)
    first, second = tally([path], START + timedelta(seconds=150), START + timedelta(seconds=3700))
    assert (first.readings, first.raised, first.paused_s) == (5, {}, 3400)
    assert (second.readings, second.raised, second.paused_s) == (0, {}, 100)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_days_of_23_and_25_hours_have_as_many(tmp_path: Path, day: str, hours: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    begin = datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=berlin).astimezone()
    utc = [begin.astimezone(UTC) + timedelta(minutes=5 * n) for n in range(hours * 12)]
    rows = []
    for number, time in enumerate(utc):
        local = time.astimezone(berlin)
        offset = timezone(local.utcoffset() or timedelta())
        rows.append(reading(0, number, time=time.astimezone(offset)))
    path = file(tmp_path, rows)
    counted = tally([path])
    assert [hour.readings for hour in counted] == [12] * hours
    daily.store(tmp_path, counted)
    assert list(daily.read(tmp_path)) == counted
    text = (tmp_path / daily.NAME).read_text()
    twice = [f"{day}T02:00+02:00", f"{day}T02:00+01:00"]
    assert all((f"\n{hour}," in text) == (hours == 25) for hour in twice)


def test_a_clock_that_went_back_and_another_model_are_said_once_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [reading(0, 1), reading(3600, 2), reading(1, 3), reading(3601, 4), reading(2, 5)]
    path = file(tmp_path, rows)
    with path.open("ab") as out:
        out.write(lines([reading(3, 6, "yes", labels=("yes", "no"))], ("yes", "no")))
    first, second = tally([path])
    assert (first.readings, second.readings) == (4, 2)
    assert first.counts == {"happy": 3, "yes": 1}
    assert caplog.messages == [
        f"{path}:4: the clock went back, from 2026-03-01 13:00 to 2026-03-01 12:00",
        f"{path}:7: rows of another model from here on",
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_what_is_no_row_is_said_once_with_its_place_and_the_rest_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, packed: bool
) -> None:
    text = lines(reading(second) for second in range(4)).splitlines(keepends=True)
    text.insert(2, b"2026-03-01T12:00:00.5\0\0\0\r\n")
    text.insert(3, b"\r\n")
    text.insert(4, b"2026-02-30T12:00:00.500+02:00" + text[1][29:])
    path = tmp_path / "expressions-2026-03-01.csv"
    path.write_bytes(b"\xef\xbb\xbf" + b"".join(text) + text[1][:60])
    if packed:
        data = gzip.compress(path.read_bytes())
        path.unlink()
        path = path.with_name(path.name + ".gz")
        path.write_bytes(data)
    assert one(tally([path])).readings == 4
    assert caplog.messages == [
        f"{path}:3: 1 value instead of 12; skipped, and so are 2 lines after it"
    ]


def test_other_peoples_files_are_said_once_and_count_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / layout.NAME
    path.write_text("time,mood\n2026-03-01,good\n" * 1000)
    assert tally([path]) == []
    assert caplog.messages == [
        f"{path}:1: no header of a diary before it; skipped, and so are 1999 lines after it"
    ]
    caplog.clear()
    path.write_bytes(b"")
    assert tally([path]) == tally([tmp_path / "missing.csv"]) == []
    assert caplog.messages == []


# Against a naive recount

EMOTION = st.sampled_from(["angry", "happy", "neutral"])
DOUBTFUL = [("dark",), ("clock", "small"), ("turned",), ("undecided",)]
NOTES = st.sampled_from([(), (), (), ("clock",), *DOUBTFUL])


@st.composite
def readings(draw: st.DrawFn) -> list[Reading]:
    """Rows of some hours; the clock mostly goes on."""
    found, second = [], draw(st.integers(0, 7200))
    for _ in range(draw(st.integers(0, 60))):
        second += draw(st.sampled_from([0, 0, 1, 1, 1, 2, 5, 6, 7, 60, 1800, 3600, -1, -4000]))
        face, emotion, notes = draw(st.integers(1, 3)), draw(EMOTION), draw(NOTES)
        found.append(reading(max(0, second) + 0.25, face, emotion, notes=notes))
    return found


def naive_face_s(seconds: set[int]) -> int:
    """The union of what each reading stands for, second by second."""
    seen: set[int] = set()
    for second in seconds:
        following = [other for other in seconds if second < other <= second + 6]
        until = min(following) if following else second + 1
        seen |= set(range(second, until))
    return len(seen)


def naive_longest(rows: list[Row]) -> dict[str, int]:
    longest: dict[str, int] = {}
    for face in {row.face for row in rows}:
        mine = [row for row in rows if row.face == face]
        for first in range(len(mine)):
            for last in range(first, len(mine)):
                run = mine[first : last + 1]
                emotions = {row.values[2] for row in run}
                ats = [row.time.minute * 60 + row.time.second for row in run]
                gaps = [after - before for before, after in pairwise(ats)]
                if len(emotions) == 1 and all(0 <= gap <= 6 for gap in gaps):
                    length = ats[-1] + 1 - ats[0]
                    (emotion,) = emotions
                    longest[emotion] = max(length, longest.get(emotion, 0))
    return longest


def naive(rows: list[Row]) -> list[Hour]:
    """What the table's columns are defined to be, from parsed rows."""
    hours = []
    for start in sorted({hour_of(row.time) for row in rows}):
        mine = [row for row in rows if hour_of(row.time) == start]
        doubts = {"small", "dark", "blurred", "turned", "undecided"}
        good = [row for row in mine if not doubts & set(row.values[-1].split())]
        face_s = naive_face_s({row.time.minute * 60 + row.time.second for row in mine})
        # A visit of the hour may be interrupted by rows of another: the clock jumped.
        runs: list[list[Row]] = [[]]
        for row in rows:
            if hour_of(row.time) != start:
                runs.append([])
            elif row in good:
                runs[-1].append(row)
        longest: dict[str, int] = {}
        for run in runs:
            for emotion, length in naive_longest(run).items():
                longest[emotion] = max(length, longest.get(emotion, 0))
        counts = Counter(row.values[2] for row in good)
        hours.append(
            Hour(
                start,
                watched_s=face_s,
                face_s=face_s,
                readings=len(mine),
                longest_s=dict(sorted(longest.items())),
                counts=dict(sorted(counts.items())),
            )
        )
    return hours


#: A column and what somebody has put there: what it may hold, and what it may not.
EDITS = [
    (column, value)
    for column in range(1, 12)
    for value in (b"", b"-1", b"7", b"nan", b"0.5", b"1.0", b"0.5000", b"happy", b"calm", b"dark")
]


@pytest.mark.slow
@given(
    readings(),
    st.sets(st.integers(0, 60), max_size=3),
    st.dictionaries(st.integers(0, 60), st.sampled_from(EDITS), max_size=3),
    st.sampled_from([b"\r\n", b"\n"]),
)
@settings(deadline=None, max_examples=100)
def test_the_fast_count_is_what_a_naive_one_finds_also_in_damaged_files(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[Reading],
    torn: set[int],
    edited: dict[int, tuple[int, bytes]],
    end: bytes,
) -> None:
    path = tmp_path_factory.mktemp("count") / "expressions-2026-03-01.csv"
    text = lines(rows).splitlines()
    for number in torn:
        if 0 < number < len(text) and text[number]:
            text[number] = text[number][: 7 * number % len(text[number])]
    for number, (column, value) in edited.items():
        if 0 < number < len(text) and (values := text[number].split(b","))[column:]:
            text[number] = b",".join([*values[:column], value, *values[column + 1 :]])
    path.write_bytes(end.join(text) + end)
    assert tally([path], faults=Faults(None)) == naive(list(reader.rows(path, faults=Faults(None))))


@pytest.mark.slow
@given(readings(), st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_the_services_table_and_its_open_hours_are_what_a_naive_recount_finds(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Reading], processes: int
) -> None:
    """Written by several processes, with a file closed in between."""
    directory = tmp_path_factory.mktemp("table")
    for part in range(processes):
        with DiaryWriter(DiaryConfig(keep_days=36500), directory, LABELS) as writer:
            for row in rows[part::processes]:
                writer.write(row.source_s, [row])
    found = list(reader.rows(directory / layout.NAME))
    expected = [replace(hour, longest_s={}) for hour in naive(found)]
    hours = history.hours(directory)
    assert [replace(hour, longest_s={}) for hour in hours] == expected
    history.rebuild(directory)
    assert history.hours(directory) == hours


# Written as hours end


def written(directory: Path) -> list[str]:
    """The hours in the table."""
    return [f"{hour.start:%d %H}" for hour in daily.read(directory)]


def diary(directory: Path, **config: int) -> DiaryWriter:
    config = {"keep_days": 36500} | config
    return DiaryWriter(DiaryConfig(**config), directory, LABELS, MODEL)  # type: ignore[arg-type]


def test_an_hour_is_written_when_the_next_one_begins(tmp_path: Path) -> None:
    with diary(tmp_path) as writer:
        for second in (0, 1, 3599):
            writer.write(second, [reading(second)])
        assert written(tmp_path) == []
        writer.write(3600, [reading(3600)])
        wait_for(lambda: written(tmp_path) == ["01 12"], "the hour that is over")
    (before, now) = history.hours(tmp_path)
    assert (before.readings, now.readings, before.models) == (3, 1, ("3fa9c2d41b7e",))


def test_time_with_nobody_in_view_is_watched(tmp_path: Path) -> None:
    with diary(tmp_path) as writer:
        for second in range(0, 7202, 2):
            writer.watched(frame(second))
            writer.write(second, [reading(second)] if second == 100 else [])
        wait_for(lambda: len(written(tmp_path)) == 2, "both hours")
    former, latter, _ = daily.read(tmp_path)
    assert (former.watched_s, former.face_s, latter.watched_s, latter.readings) == (
        3598,
        1,
        3600,
        0,
    )


def test_a_camera_that_gave_nothing_for_a_while_was_not_watching(tmp_path: Path) -> None:
    with diary(tmp_path) as writer:
        for second in (0, 5, 15, 26, 1000, 1001, 3600):
            writer.watched(frame(second))
            writer.write(second, [])
        wait_for(lambda: written(tmp_path) == ["01 12"], "the hour")
    assert one(list(daily.read(tmp_path))[:1]).watched_s == 16


def test_the_table_outlives_the_rows(tmp_path: Path) -> None:
    with diary(tmp_path, keep_files=1) as writer:
        for day in range(5):
            writer.write(day * 86400, [reading(day * 86400)])
            wait_for(lambda: len(written(tmp_path)) == day, "the day before")  # noqa: B023
    assert len(history.hours(tmp_path)) == 5
    wait_for(lambda: len(layout.files(tmp_path)) == 2, "retention")
    assert len(history.hours(tmp_path)) == 5


def archive_of_today(directory: Path) -> None:
    """Where the clock is not synchronised, ages are counted from the newest archive."""
    (directory / f"expressions-{date.today()}.csv").write_text(header(LABELS) + "\r\n")


def test_an_hour_is_counted_before_its_rows_are_deleted_though_files_end_within_it(
    tmp_path: Path,
) -> None:
    with diary(tmp_path, keep_files=1, max_bytes=4096) as writer:
        for second in range(600):
            writer.write(second, [reading(second)])
        wait_for(lambda: not [*tmp_path.glob("expressions-*.csv")], "compression")
        assert len(layout.files(tmp_path)) > 5
        writer.write(3600, [reading(3600)])
        wait_for(lambda: len(layout.files(tmp_path)) == 2, "retention")
    assert next(daily.read(tmp_path)).readings == 600


def test_an_hour_of_a_killed_process_is_counted_before_its_rows_are_too_old(
    tmp_path: Path,
) -> None:
    child = os.fork()
    if child == 0:
        writer = diary(tmp_path)
        for second in range(600):
            writer.write(second, [reading(second)])
        os._exit(0)
    os.waitpid(child, 0)
    assert list(daily.read(tmp_path)) == []
    archive_of_today(tmp_path)
    with diary(tmp_path, keep_days=90) as writer:
        wait_for(lambda: len(layout.files(tmp_path)) == 3, "the file of then to be an archive")
        writer.write(0, [reading(face=2, time=datetime.now().astimezone())])
        wait_for(lambda: len(layout.files(tmp_path)) == 2, "retention")
    (before, *_) = daily.read(tmp_path)
    assert (before.start, before.readings) == (hour_of(START), 600)


@pytest.mark.parametrize("keep_files", [1, 9])
def test_an_hour_before_the_clock_was_set_is_counted(tmp_path: Path, keep_files: int) -> None:
    """Its file is called after the day on which the clock was right."""
    with diary(tmp_path, keep_files=keep_files) as writer:
        for second in range(9):
            writer.write(second, [reading(second, notes=("clock",))])
        now = datetime.now().astimezone()
        writer.write(9, [reading(9, face=2, time=now)])
        wait_for(lambda: written(tmp_path) == ["01 12"], "the hour that is over")
    assert one(list(daily.read(tmp_path))).readings == 9


def test_hours_that_the_table_lacks_are_counted_before_their_rows_are_deleted(
    tmp_path: Path,
) -> None:
    """Somebody deleted it, or the diary is older than it. What it has stays as it is."""
    with diary(tmp_path) as writer:
        for day in range(3):
            for second in (0, 1, 3600):
                writer.write(0, [reading(86400 * day + second)])
        wait_for(lambda: len(written(tmp_path)) == 5, "the hours that are over")
    counted = list(daily.read(tmp_path))
    daily.store(tmp_path, [replace(counted[0], watched_s=3600)])
    kept = next(daily.read(tmp_path))
    (tmp_path / daily.NAME).unlink()
    daily.store(tmp_path, [kept])
    archive_of_today(tmp_path)
    with diary(tmp_path, keep_days=90):
        wait_for(lambda: len(layout.files(tmp_path)) == 2, "retention")
    assert [hour.readings for hour in daily.read(tmp_path)] == [2, 1, 2, 1, 2, 1]
    assert next(daily.read(tmp_path)) == kept


def test_rows_stay_while_their_hours_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with diary(tmp_path) as writer:
        for second in range(9):
            writer.write(second, [reading(second)])
    (tmp_path / daily.NAME).unlink()
    (tmp_path / daily.NAME).mkdir()
    archive_of_today(tmp_path)
    with diary(tmp_path, keep_days=90):
        wait_for(lambda: "cannot apply retention" in caplog.text, "a word about it")
    archive, *_ = layout.files(tmp_path)
    assert len(list(reader.rows(archive))) == 10
    (tmp_path / daily.NAME).rmdir()
    with diary(tmp_path, keep_days=90):
        wait_for(lambda: not archive.exists(), "retention")
    assert one(list(daily.read(tmp_path))).readings == 9


def test_a_killed_process_leaves_an_hour_that_the_next_one_writes_once(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        writer = diary(tmp_path)
        for second in range(0, 1200, 2):
            writer.watched(frame(second))
            writer.write(second, [reading(second, face=second)])
        os._exit(9)  # nothing is closed or written
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert written(tmp_path) == []
    before = one(history.hours(tmp_path))
    assert (before.readings, before.watched_s >= before.face_s > 1000) == (600, True)
    with diary(tmp_path) as writer:
        for second in (1300, 3700):
            writer.watched(frame(second))
            writer.write(second, [reading(second, face=second)])
        wait_for(lambda: written(tmp_path) == ["01 12"], "the hour")
    assert next(iter(daily.read(tmp_path))).readings == 601


def test_a_pause_over_hours_and_a_restart_is_in_the_table(tmp_path: Path) -> None:
    with diary(tmp_path) as writer:
        writer.write(0, [reading(0), at(600, "paused")])
    with diary(tmp_path) as writer:
        writer.write(1, [at(3 * 3600 + 600, "resumed"), reading(3 * 3600 + 601)])
        writer.write(2, [reading(4 * 3600)])
        wait_for(lambda: len(written(tmp_path)) == 4, "the hours")
    assert [hour.paused_s for hour in daily.read(tmp_path)][:4] == [3000, 3600, 3600, 600]


# The file


def hour_at(number: int, **fields: object) -> Hour:
    return replace(Hour(START + number * HOUR, watched_s=10), **fields)  # type: ignore[arg-type]


def test_the_file_is_as_documented(tmp_path: Path) -> None:
    hour = Hour(START, 3600, 1240, 60, 1190, {"a": 2}, {"sad": 12}, ("x", "y"), {"sad": 7})
    daily.store(tmp_path, [hour])
    assert (tmp_path / daily.NAME).read_bytes() == (
        b"hour,watched_s,face_s,paused_s,readings,raised,longest_s,models,n_sad\r\n"
        b"2026-03-01T12:00+02:00,3600,1240,60,1190,a:2,sad:12,x y,7\r\n"
    )
    assert list(daily.read(tmp_path)) == [hour]


def test_hours_of_other_expressions_and_earlier_hours_find_their_place(tmp_path: Path) -> None:
    hours = [hour_at(5, counts={"sad": 1}), hour_at(7, counts={"yes": 2}), hour_at(6, readings=3)]
    for hour in hours:
        daily.store(tmp_path, [hour])
    assert list(daily.read(tmp_path)) == sorted(hours, key=lambda hour: hour.start)
    daily.store(tmp_path, [hour_at(6, readings=2, watched_s=20)])
    assert list(daily.read(tmp_path))[1] == hour_at(6, readings=3, watched_s=20)
    assert (tmp_path / daily.NAME).read_bytes().count(b"hour,") == 1


@given(cut=st.integers(0, 2000), tail=st.sampled_from([b"", b"\0" * 40, b"rubbish\r\n"]))
@settings(deadline=None, max_examples=100)
def test_torn_anywhere_whole_lines_stay_and_the_next_hour_is_added(
    tmp_path_factory: pytest.TempPathFactory, cut: int, tail: bytes
) -> None:
    directory = tmp_path_factory.mktemp("torn")
    hours = [hour_at(number, counts={"sad": number + 1}, readings=9) for number in range(5)]
    daily.store(directory, hours)
    path = directory / daily.NAME
    whole = path.read_bytes()
    kept = whole[: cut % (len(whole) + 1)]
    path.write_bytes(kept + tail)
    ends = kept.count(b"\n") - 1
    expected = hours[: max(0, ends)]
    daily.store(directory, [hour_at(9)])
    found = list(daily.read(directory))
    assert [hour for hour in found if hour in hours][:ends] == expected
    assert found[-1] == hour_at(9)
    assert path.read_bytes().endswith(b"\r\n")


def test_a_line_that_somebody_edited_is_skipped_with_its_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    daily.store(tmp_path, [hour_at(0), hour_at(1), hour_at(2)])
    path = tmp_path / daily.NAME
    path.write_bytes(path.read_bytes().replace(b"T13:00+02:00,10", b"T13:00+02:00,ten"))
    assert len(list(daily.read(tmp_path))) == 2
    assert caplog.messages == [f"{path}:3: not a line of this table; skipped"]


def as_a_spreadsheet(directory: Path) -> bytes:
    """What saving the table with semicolons makes of it."""
    path = directory / daily.NAME
    path.write_bytes(path.read_bytes().replace(b",", b";"))
    path.chmod(0o600)
    return path.read_bytes()


def test_a_table_that_cannot_be_parsed_is_kept_beside_the_new_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, today = tmp_path / daily.NAME, f"{date.today():%Y-%m-%d}"
    daily.store(tmp_path, [hour_at(0), hour_at(1)])
    former = as_a_spreadsheet(tmp_path)
    with diary(tmp_path) as writer:
        writer.write(0, [reading(7200)])
        writer.write(1, [reading(3 * 3600)])
        wait_for(lambda: written(tmp_path) == ["01 14"], "the hour")
    copy = tmp_path / f"hours-damaged-{today}.csv"
    assert (copy.read_bytes(), copy.stat().st_mode & 0o777) == (former, 0o600)
    what = "not a line of this table; kept in"
    said = [message for message in caplog.messages if what in message]
    assert said == [f"{path}:1: {what} {copy.name}, and so are 2 lines after it"]

    latter = as_a_spreadsheet(tmp_path)
    daily.store(tmp_path, [hour_at(9)])
    assert copy.read_bytes() == former
    assert copy.with_name(f"hours-damaged-{today}.1.csv").read_bytes() == latter


@pytest.mark.parametrize(
    ("line", "edited"),
    [
        (b"T13:00+02:00,10,", b'T13:00+02:00,"10",'),
        (b"14:00+02:00,10,0,0,0,,,\r\n", b"14:00+02:00,10,0,0,0,,,"),  # as some editors leave it
    ],
)
def test_a_line_that_a_rebuild_would_drop_is_kept_in_a_copy(
    tmp_path: Path, line: bytes, edited: bytes
) -> None:
    daily.store(tmp_path, [hour_at(0), hour_at(1), hour_at(2)])
    path = tmp_path / daily.NAME
    former = path.read_bytes().replace(line, edited)
    path.write_bytes(former)
    file(tmp_path, [reading(0)])
    assert history.rebuild(tmp_path) == 2
    (copy,) = tmp_path.glob("hours-damaged-*")
    assert copy.read_bytes() == former


def test_a_table_that_cannot_be_copied_is_not_written(tmp_path: Path) -> None:
    daily.store(tmp_path, [hour_at(0)])
    former = as_a_spreadsheet(tmp_path)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, limit[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            daily.store(tmp_path, [hour_at(1)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [former]


def test_all_that_was_kept_of_a_table_is_forgotten_with_the_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    daily.store(tmp_path, [hour_at(0)])
    as_a_spreadsheet(tmp_path)
    daily.store(tmp_path, [hour_at(1)])
    as_a_spreadsheet(tmp_path)
    (copy,) = tmp_path.glob("hours-damaged-*")
    forget(tmp_path, START)
    assert f"{copy}: a copy of a damaged table stays" in caplog.text
    forget(tmp_path, None)
    assert not list(tmp_path.glob("hours*"))


def test_a_line_that_is_not_an_hour_is_forgotten_with_the_hour_before_it(tmp_path: Path) -> None:
    daily.store(tmp_path, [hour_at(number) for number in range(4)])
    path = tmp_path / daily.NAME
    head, *rows = path.read_bytes().replace(b"10,0,0,0", b"ten,0,0,0").splitlines(keepends=True)
    for at_ in (0, 2):
        rows[at_] = rows[at_].replace(b"ten", b"10")
    path.write_bytes(head + b"".join(rows))
    assert forget(tmp_path, START + 2 * HOUR).hours == 1
    assert path.read_bytes() == head + b"".join(rows[2:])


def test_the_table_is_as_private_as_the_rows(tmp_path: Path) -> None:
    with diary(tmp_path) as writer:
        writer.write(0, [reading(0)])
        writer.write(1, [reading(3600)])
        wait_for(lambda: written(tmp_path) == ["01 12"], "the hour")
    for name in (daily.NAME, unfinished.NAME, layout.LOCK):
        assert (tmp_path / name).stat().st_mode & 0o007 == 0


def test_a_table_that_cannot_be_written_stops_nothing_and_is_made_up_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / f"{daily.NAME}.tmp").mkdir()
    with diary(tmp_path) as writer:
        writer.write(0, [reading(0)])
        writer.write(1, [reading(3600)])
        wait_for(lambda: "cannot archive files or update hours.csv" in caplog.text, "the warning")
        (tmp_path / f"{daily.NAME}.tmp").rmdir()
        writer.write(2, [reading(7200)])
        wait_for(lambda: written(tmp_path) == ["01 12", "01 13"], "both hours")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(history.hours(tmp_path)) == 3


# Without a table


def test_rows_of_days_that_the_table_lacks_are_counted_and_rebuild_adds_them(
    tmp_path: Path,
) -> None:
    for day in range(1, 4):
        path = file(tmp_path, [reading(day * 86400)], f"expressions-2026-03-0{day + 1}.csv")
        if day < 3:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    daily.store(tmp_path, [hour_at(0, readings=5), hour_at(24, watched_s=900)])
    hours = history.hours(tmp_path)
    assert [(hour.start.day, hour.readings, hour.watched_s) for hour in hours] == [
        (1, 5, 10),
        (2, 0, 900),
        (3, 1, 1),
        (4, 1, 1),
    ]
    assert history.rebuild(tmp_path) == 4
    found = list(daily.read(tmp_path))
    assert [(hour.readings, hour.watched_s) for hour in found] == [
        (5, 10),
        (1, 900),
        (1, 1),
        (1, 1),
    ]


def archive(directory: Path, hours: Sequence[int]) -> None:
    """Of the first of March, with ten readings in each of these hours."""
    seconds = (3600 * (hour - START.hour) + n for hour in hours for n in range(10))
    file(directory, map(reading, seconds), "expressions-2026-03-01.csv")
    retention.apply_retention(directory, DiaryConfig(keep_days=36500))


@pytest.mark.parametrize("lacking", [5, 7])
def test_an_hour_that_the_table_lacks_of_a_day_that_it_has_is_counted(
    tmp_path: Path, lacking: int
) -> None:
    """As on the day of an update from a version without the table."""
    archive(tmp_path, (5, 6, 7))
    counted = history.hours(tmp_path)
    daily.store(tmp_path, (hour for hour in counted if hour.start.hour != lacking))
    assert [hour.readings for hour in history.hours(tmp_path)] == [10, 10, 10]
    assert history.hours(tmp_path) == counted


def test_an_hour_whose_line_is_damaged_is_counted_and_the_service_repairs_it(
    tmp_path: Path,
) -> None:
    archive(tmp_path, (5, 6, 7))
    counted = history.hours(tmp_path)
    daily.store(tmp_path, counted)
    path = tmp_path / daily.NAME
    path.write_bytes(path.read_bytes().replace(b"T06:00+02:00,10,", b'T06:00+02:00,"10",'))
    assert len(list(daily.read(tmp_path))) == 2
    assert history.hours(tmp_path) == counted

    path.write_bytes(path.read_bytes() + b"torn")
    with diary(tmp_path) as writer:
        writer.write(0, [reading(0)])
        writer.write(1, [reading(3600)])
        wait_for(lambda: written(tmp_path) == ["01 05", "01 06", "01 07", "01 12"], "all hours")
    assert list(daily.read(tmp_path))[:3] == counted


def test_a_day_that_the_table_has_is_not_read(tmp_path: Path) -> None:
    archive(tmp_path, (5, 6, 7))
    daily.store(tmp_path, history.hours(tmp_path))
    packed = tmp_path / "expressions-2026-03-01.csv.gz"
    packed.write_bytes(packed.read_bytes()[:-20])
    faults: list[str] = []
    assert len(history.hours(tmp_path, faults=Faults(faults.append))) == 3
    assert faults == []


def test_hours_of_a_part_are_counted_from_the_rows(tmp_path: Path) -> None:
    with diary(tmp_path) as writer:
        for second in range(0, 7300, 2):
            writer.watched(frame(second))
            writer.write(second, [reading(second)])
        wait_for(lambda: len(written(tmp_path)) == 2, "both hours")
    start, end = START + timedelta(minutes=50), START + timedelta(minutes=70)
    former, latter = history.hours(tmp_path, start, end)
    assert (former.readings, former.watched_s, former.face_s) == (300, 600, 599)
    assert (latter.readings, latter.watched_s) == (300, 600)
    (tmp_path / layout.NAME).unlink()
    assert [hour.readings for hour in history.hours(tmp_path, start, end)] == [1800, 1800]
