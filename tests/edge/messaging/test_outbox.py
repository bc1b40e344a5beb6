"""The durable queue of alerts, on a disk that is well and on one that is not."""

from __future__ import annotations

import json
import logging
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from edge.errors import ConfigError, FerEdgeError
from edge.messaging.alert_queue import LIMIT, payload
from edge.messaging.outbox import NAME, Outbox
from edge.records import AlertEvent
from tests.conftest import ROOT
from tests.support.disks import as_nobody
from tests.support.mqtt import Said
from tests.support.pipeline import alert


def waiting(directory: Path) -> list[str]:
    """What another process would find waiting."""
    with Outbox(directory) as outbox:
        return list(outbox.waiting)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process can grow beyond 4 KB meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# A disk that is well


def test_an_alert_waits_through_restarts_until_it_is_removed(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.add(alert(1))
        outbox.add(alert(2))
    with Outbox(tmp_path) as outbox:
        assert outbox.waiting == {"id-1": payload(alert(1)), "id-2": payload(alert(2))}
        outbox.remove(["id-1"])
    assert waiting(tmp_path) == ["id-2"]


def test_the_oldest_comes_first(tmp_path: Path) -> None:
    numbers = [5, 3, 9, 1, 7]
    with Outbox(tmp_path) as outbox:
        for number in numbers:
            outbox.add(alert(number))
    assert waiting(tmp_path) == [f"id-{number}" for number in numbers]


def test_an_alert_is_on_disk_before_it_is_closed(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.add(alert())
    with closing(sqlite3.connect(tmp_path / NAME)) as other:
        assert other.execute("SELECT id FROM waiting").fetchall() == [("id-1",)]
    outbox.__exit__()


def test_an_episode_is_open_until_it_was_cleared(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.add(alert(1))
        outbox.add(alert(2))
        assert outbox.open_episodes == ()
    with Outbox(tmp_path) as outbox:
        first, second = outbox.open_episodes
        assert (first.id, second.id) == ("episode-1", "episode-2")
        assert (first.name, first.face, first.window_s) == ("negative", None, 120.0)
        assert first.emotions == ("angry", "sad")
        outbox.add(alert(1, AlertEvent.CLEARED, name="negative"))
    with Outbox(tmp_path) as outbox:
        assert [episode.id for episode in outbox.open_episodes] == ["episode-2"]


def test_a_delivered_alert_still_leaves_its_episode(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.add(alert())
        outbox.remove(["id-1"])
    with Outbox(tmp_path) as outbox:
        assert not outbox.waiting
        assert len(outbox.open_episodes) == 1


def test_it_is_for_nobody_else_to_read(tmp_path: Path) -> None:
    with Outbox(tmp_path / "state") as outbox:
        outbox.add(alert())
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "state").iterdir()}
    assert modes
    assert set(modes.values()) == {0o600}


def test_a_new_one_waits_for_the_disk_twice_for_its_tables_and_for_its_id(tmp_path: Path) -> None:
    with Outbox(tmp_path):
        header = (tmp_path / NAME).read_bytes()[:100]
    # SQLite's "file change counter" counts transactions (https://sqlite.org/fileformat.html).
    assert int.from_bytes(header[24:28], "big") == 2


def test_two_at_once_would_end_each_others_episodes(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.add(alert())
        with pytest.raises(FerEdgeError, match="stop it, or set state"):
            Outbox(tmp_path)
        assert list(outbox.waiting) == ["id-1"]
    assert waiting(tmp_path) == ["id-1"]


def test_removing_what_is_not_there_changes_nothing(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.add(alert())
        outbox.remove(["id-2", ""])
        assert list(outbox.waiting) == ["id-1"]


@pytest.mark.slow
def test_a_kill_at_any_moment_loses_no_alert_whose_add_returned(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from edge.messaging.outbox import Outbox;"
        "from tests.support.pipeline import alert\n"
        "box = Outbox(Path(sys.argv[1]))\n"
        "for n in range(100000): box.add(alert(n)); print(n, flush=True)"
    )
    for _ in range(3):
        directory = tmp_path / "state"
        process = subprocess.Popen(
            [sys.executable, "-c", program, directory], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(20):
            last = process.stdout.readline()
        process.kill()
        told = process.communicate()[0].splitlines()[-1:] or [last]
        found = waiting(directory)
        assert len(found) >= int(told[0]) + 1
        assert found == [f"id-{n}" for n in range(len(found))]
        shutil.rmtree(directory)


def test_when_too_many_wait_the_oldest_make_room_and_it_is_said_what_was_dropped(
    tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.messaging.alert_queue.LIMIT", 5)
    with Outbox(tmp_path) as outbox:
        for number in range(8):
            outbox.add(alert(number))
        assert list(outbox.waiting) == [f"id-{number}" for number in range(3, 8)]
    assert said("dropping") == [
        "5 alerts wait for the broker; dropping the oldest:"
        " 'negative' raised of 2026-03-01T12:00:00.000+00:00"
    ]
    with Outbox(tmp_path) as outbox:
        assert list(outbox.waiting) == [f"id-{number}" for number in range(3, 8)]
        assert len(outbox.open_episodes) == 8, "an episode ends all the same"
        for number in (8, 9):
            outbox.add(alert(number))
        outbox.remove(["id-5", "id-6"])
        outbox.remove(["id-7"])
        assert said("room") == ["there is room for alerts again; 2 were dropped"]
        for number in (10, 11, 12, 13):
            outbox.add(alert(number))
        assert len(said("dropping the oldest")) == 3, "a new time of trouble is logged again"


def test_a_full_outbox_costs_no_more_than_an_empty_one(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        with sqlite3.connect(tmp_path / NAME) as database:
            rows = [(f"id-{n}", payload(alert(n))) for n in range(LIMIT)]
            database.executemany("INSERT INTO waiting (id, payload) VALUES (?, ?)", rows)
        database.close()
    with Outbox(tmp_path) as outbox:
        assert len(outbox.waiting) == LIMIT
        took_s = []
        for number in range(LIMIT, LIMIT + 20):
            began_s = time.process_time()
            outbox.add(alert(number))
            took_s.append(time.process_time() - began_s)
        assert len(outbox.waiting) == LIMIT
    assert statistics.median(took_s) < 0.02
    assert len(waiting(tmp_path)) == LIMIT


# The JSON


def test_the_payload_has_exactly_the_promised_keys_and_types() -> None:
    assert json.loads(payload(alert())) == {
        "id": "id-1",
        "episode": "episode-1",
        "event_type": "raised",
        "name": "negative",
        "face": None,
        "count": 30,
        "window_s": 120.0,
        "emotions": ["angry", "sad"],
        "time": "2026-03-01T12:00:00.000+00:00",
    }


# A disk that is not well


def test_on_a_full_disk_alerts_wait_in_memory_and_reach_it_when_there_is_room(
    tmp_path: Path, said: Said
) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.add(alert(1))
        with full_disk():
            outbox.add(alert(2))
            outbox.add(alert(3))
            outbox.remove(["id-1"])
        assert list(outbox.waiting) == ["id-2", "id-3"]
        assert len(said("kept in memory only")) == 1
        outbox.recover()
        assert len(said("writable again")) == 1
        # As after a kill: nothing is written on the way out.
        with closing(sqlite3.connect(tmp_path / NAME)) as other:
            found = other.execute("SELECT id FROM waiting ORDER BY number").fetchall()
            left = other.execute("SELECT id FROM episodes ORDER BY id").fetchall()
    assert found == [("id-2",), ("id-3",)]
    assert left == [("episode-1",), ("episode-2",), ("episode-3",)]


def test_a_disk_that_is_full_at_the_start_is_used_when_there_is_room(
    tmp_path: Path, said: Said
) -> None:
    with full_disk():
        outbox = Outbox(tmp_path)
        outbox.add(alert())
        outbox.recover()
    assert list(outbox.waiting) == ["id-1"]
    assert len(said("kept in memory only")) == 1
    outbox.recover()
    outbox.__exit__()
    assert waiting(tmp_path) == ["id-1"]


def test_a_database_that_somebody_locks_holds_up_nothing(tmp_path: Path, said: Said) -> None:
    with Outbox(tmp_path) as outbox:
        with closing(sqlite3.connect(tmp_path / NAME)) as other:
            other.execute("BEGIN EXCLUSIVE")
            outbox.add(alert(1))
            outbox.add(alert(2))
            outbox.recover()
        assert len(said("database is locked")) == 1
        outbox.recover()
    assert waiting(tmp_path) == ["id-1", "id-2"]


def test_what_was_delivered_while_the_disk_failed_is_not_sent_again(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.add(alert(1))
        with closing(sqlite3.connect(tmp_path / NAME)) as other:
            other.execute("BEGIN EXCLUSIVE")
            outbox.remove(["id-1"])
        outbox.add(alert(2))
        assert list(outbox.waiting) == ["id-2"]
    assert waiting(tmp_path) == ["id-2"]


def test_what_was_waiting_on_a_disk_that_failed_at_the_start_is_sent_when_it_is_back(
    tmp_path: Path,
) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.add(alert(1))
    with closing(sqlite3.connect(tmp_path / NAME)) as other:
        other.execute("BEGIN EXCLUSIVE")
        outbox = Outbox(tmp_path)
        outbox.add(alert(2))
        assert list(outbox.waiting) == ["id-2"]
    outbox.recover()
    assert list(outbox.waiting) == ["id-1", "id-2"]
    outbox.__exit__()
    with Outbox(tmp_path) as outbox:
        assert [episode.id for episode in outbox.open_episodes] == ["episode-1", "episode-2"]


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A directory that only its owner's own rights could write to; one alert waits in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with Outbox(path) as outbox:
            outbox.add(alert(1))
        (path / NAME).chmod(0o444)
        path.chmod(0o555)
        yield path
        path.chmod(0o755)


def test_what_waits_on_a_read_only_disk_is_sent_and_new_alerts_go_on(
    read_only: Path, said: Said
) -> None:
    with as_nobody(), Outbox(read_only) as outbox:
        assert list(outbox.waiting) == ["id-1"]
        outbox.add(alert(2))
        outbox.add(alert(3))
        outbox.remove(["id-1"])
        assert list(outbox.waiting) == ["id-2", "id-3"]
    assert len(said("readonly database")) == 1
    assert len(said("memory")) == 1


def test_a_directory_that_may_not_be_made_is_said_once_and_alerts_go_on(
    read_only: Path, said: Said
) -> None:
    with as_nobody(), Outbox(read_only / "state") as outbox:
        outbox.add(alert(2))
        outbox.add(alert(3))
        assert list(outbox.waiting) == ["id-2", "id-3"]
    assert len(said("Permission denied")) == 1


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no-database": lambda path: path.write_bytes(b"a diary, perhaps? " * 500),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "cut": lambda path: os.truncate(path, path.stat().st_size - 4096),
    "torn-pages": lambda path: path.write_bytes(path.read_bytes()[:4096] + b"\xa5" * 12288),
    "other-tables": lambda path: run(path, "DROP TABLE waiting", "CREATE TABLE waiting (n)"),
    "no-json": lambda path: run(path, "UPDATE waiting SET payload = '{'"),
    "null": lambda path: run(path, "UPDATE episodes SET emotions = NULL"),
}


def run(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_database_is_renamed_and_a_new_one_serves(
    tmp_path: Path, said: Said, damage: Callable[[Path], object]
) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.add(alert(1))
    damage(tmp_path / NAME)
    before = (tmp_path / NAME).read_bytes()
    with Outbox(tmp_path) as outbox:
        assert not outbox.waiting
        outbox.add(alert(2))
    assert waiting(tmp_path) == ["id-2"]
    assert (tmp_path / "outbox.damaged").read_bytes() == before
    assert len(said("renamed to outbox.damaged")) == 1


def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    (tmp_path / NAME).touch()
    with Outbox(tmp_path) as outbox:
        outbox.add(alert(1))
    assert waiting(tmp_path) == ["id-1"]


def test_a_database_damaged_while_open_loses_no_alert(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.add(alert(1))
        (tmp_path / NAME).write_bytes(b"\xa5" * 16384)
        outbox.add(alert(2))
        outbox.recover()
    assert waiting(tmp_path) == ["id-1", "id-2"]
    assert any(record.levelno == logging.ERROR for record in caplog.records)


def test_a_directory_in_the_place_of_the_database_is_said_and_alerts_go_on(
    tmp_path: Path, said: Said
) -> None:
    (tmp_path / NAME).mkdir()
    with Outbox(tmp_path) as outbox:
        outbox.add(alert(1))
        outbox.add(alert(2))
        assert len(outbox.waiting) == 2
    assert len(said("unable to open database file")) == 1


@pytest.mark.parametrize("path", ["file", "file/below", "x" * 300, "loop"])
def test_a_path_that_cannot_be_a_directory_is_a_matter_of_configuration(
    tmp_path: Path, path: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ConfigError, match=r"state.directory: .* is not a directory"):
        Outbox(tmp_path / path)
