"""Why watching is paused: a file, a wish over MQTT, a quiet time; each by itself."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from pathlib import Path

import pytest

from edge.config.pause import PauseFiles, Reason
from edge.service.pausing import Pauses

MORNING, EVENING = datetime(2026, 3, 1, 9, 0), datetime(2026, 3, 1, 23, 0)


@pytest.fixture
def files(tmp_path: Path) -> PauseFiles:
    (tmp_path / "run").mkdir()
    return PauseFiles(tmp_path / "run", tmp_path / "state", systemd=True)


def reasons(files: PauseFiles, now: datetime = MORNING) -> tuple[Reason, ...]:
    return Pauses(("22:00-07:00",), files, lambda: now).reasons()


def test_nothing_pauses_unless_there_is_a_reason(files: PauseFiles) -> None:
    assert reasons(files) == ()
    assert Pauses().reasons() == ()


def test_each_reason_pauses_by_itself_and_all_are_told(files: PauseFiles) -> None:
    assert reasons(files, EVENING) == (Reason.QUIET,)
    Pauses((), files).watch(on=False)
    assert reasons(files, EVENING) == (Reason.MQTT, Reason.QUIET), "kept over a restart"
    assert files.pause()
    assert reasons(files, EVENING) == (Reason.FILE, Reason.MQTT, Reason.QUIET)
    assert files.resume()
    assert reasons(files) == (Reason.MQTT,)
    Pauses((), files).watch(on=True)
    assert reasons(files) == ()


@pytest.mark.parametrize("place", ["run", "state"])
def test_a_file_in_either_directory_pauses_whatever_is_in_it(
    files: PauseFiles, tmp_path: Path, place: str
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / place / "paused").write_text("until Monday")
    assert reasons(files) == (Reason.FILE,)
    assert not files.pause(), "it is paused already"
    assert files.resume()
    assert reasons(files) == ()
    assert not files.resume()


def test_a_preview_pauses_as_long_as_it_lasts_and_leaves_nothing(
    files: PauseFiles, tmp_path: Path
) -> None:
    with files.previewing() as needed:
        assert needed
        assert reasons(files) == (Reason.PREVIEW,)
        with pytest.raises(BlockingIOError), files.previewing():
            pytest.fail("a second preview")
        assert files.pause()
        assert reasons(files) == (Reason.FILE, Reason.PREVIEW)
    assert reasons(files) == (Reason.FILE,), "what somebody paused stays paused"
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["paused"]


def test_a_preview_that_crashed_pauses_no_longer(files: PauseFiles, tmp_path: Path) -> None:
    (tmp_path / "run" / "preview").touch()
    assert reasons(files) == ()
    with files.previewing():
        assert reasons(files) == (Reason.PREVIEW,)


def test_a_preview_makes_the_folder_that_a_service_looks_at_and_removes_it(tmp_path: Path) -> None:
    files = PauseFiles(tmp_path / "run", tmp_path / "a" / "state", systemd=False)
    with files.previewing():
        assert reasons(files) == (Reason.PREVIEW,)
    assert not (tmp_path / "a").exists()


def test_a_file_is_noticed_within_a_second(files: PauseFiles) -> None:
    pauses = Pauses((), files)
    assert not pauses.reasons()
    files.pause()
    began_s = time.monotonic()
    while not pauses.reasons():
        assert time.monotonic() < began_s + 2
        time.sleep(0.01)
    assert time.monotonic() < began_s + 1


def test_over_mqtt_it_is_at_once_and_ends_only_what_it_began(files: PauseFiles) -> None:
    pauses = Pauses((), files)
    files.pause()
    pauses.watch(on=False)
    assert pauses.reasons() == (Reason.FILE, Reason.MQTT)
    pauses.watch(on=True)
    assert pauses.reasons() == (Reason.FILE,)


def test_a_reboot_that_empties_the_runtime_directory_ends_no_pause(
    files: PauseFiles, tmp_path: Path
) -> None:
    files.pause()
    assert reasons(files)
    (tmp_path / "run" / "paused").unlink()
    (tmp_path / "state" / "paused-in-boot").write_text("another boot\n")
    assert reasons(files) == (Reason.FILE,)
    files.resume()
    assert reasons(files) == ()


def test_a_file_that_was_removed_while_the_service_was_down_stays_removed(
    files: PauseFiles,
) -> None:
    files.pause()
    assert reasons(files)
    files.resume()
    assert reasons(files) == ()


def test_an_ended_pause_does_not_come_back_with_a_reboot(files: PauseFiles, tmp_path: Path) -> None:
    files.pause()
    pauses = Pauses((), files)
    assert pauses.reasons()
    files.resume()
    time.sleep(0.6)
    assert not pauses.reasons()
    assert not (tmp_path / "state" / "paused-in-boot").exists()


def test_a_disk_that_refuses_is_said_and_the_pause_holds_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("a file where the directory should be")
    pauses = Pauses((), PauseFiles(tmp_path, tmp_path / "state", systemd=False))
    pauses.watch(on=False)
    assert pauses.reasons() == (Reason.MQTT,)
    assert "a restart will forget this pause" in caplog.text
    pauses.watch(on=True)
    assert pauses.reasons() == ()


def test_what_changed_is_logged_once_and_the_time_is_counted(
    files: PauseFiles, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pauses = Pauses((), files)
    assert pauses.total_s() == 0
    pauses.watch(on=False)
    pauses.reasons()
    pauses.reasons()
    time.sleep(0.1)
    pauses.watch(on=True)
    pauses.reasons()
    passed_s = pauses.total_s()
    assert 0.1 <= passed_s < 2
    assert pauses.total_s() == passed_s
    assert [record.message for record in caplog.records] == [
        "paused: mqtt (until ON is published on watching/set)",
        "watching again",
    ]


def test_a_reload_within_a_pause_says_nothing_again(
    files: PauseFiles, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    files.pause()
    before = Pauses((), files).reasons()
    caplog.clear()
    assert Pauses((), files, before=before).reasons() == before
    assert not caplog.records
