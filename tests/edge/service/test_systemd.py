"""What the service manager hears, on a real datagram socket; the unit file itself."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.service.systemd import Notifier
from tests.conftest import ROOT, wait_for
from tests.support.notify import Manager
from tests.support.service import CLIP, service

UNIT = ROOT / "systemd" / "fer-edge.service"


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    name = str(tmp_path / "notify")
    made = Manager(name if request.param == "path" else f"@fer-edge-test-{os.getpid()}")
    yield made
    made.socket.close()


def test_ready_comes_with_the_first_beat_and_the_watchdog_is_fed_with_it(manager: Manager) -> None:
    with Notifier(manager.address) as notifier:
        assert manager.heard() == []
        notifier.beat(100.0, "15.0 frames/s")
        assert manager.heard() == ["READY=1", "WATCHDOG=1\nSTATUS=15.0 frames/s"]


def test_a_camera_that_is_slow_to_open_feeds_the_watchdog_but_is_not_ready(
    manager: Manager,
) -> None:
    with Notifier(manager.address) as notifier:
        for tenth in range(21):
            notifier.opening(100 + tenth / 10)
        assert manager.heard() == ["WATCHDOG=1"] * 3
        notifier.beat(102.1, "15.0 frames/s")
        assert manager.heard() == ["READY=1", "WATCHDOG=1\nSTATUS=15.0 frames/s"]


def test_beats_are_told_once_a_second(manager: Manager) -> None:
    with Notifier(manager.address) as notifier:
        for tenth in range(31):
            notifier.beat(100 + tenth / 10, str(tenth))
        fed = [text for text in manager.heard() if text.startswith("WATCHDOG=1")]
    assert fed == [f"WATCHDOG=1\nSTATUS={tenth}" for tenth in (0, 10, 20, 30)]


def test_stopping_is_told_once_and_closing_twice_is_harmless(manager: Manager) -> None:
    notifier = Notifier(manager.address)
    notifier.beat(0.0, "")
    notifier.__exit__()
    notifier.__exit__()
    assert manager.heard()[2:] == ["STOPPING=1"]


def test_without_a_manager_nothing_happens() -> None:
    with Notifier("") as notifier:
        notifier.beat(0.0, "")


def test_a_manager_that_is_not_there_is_said_once_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Notifier(str(tmp_path / "nobody")) as notifier:
        for second in range(5):
            notifier.beat(float(second), "")
    assert len(caplog.records) == 1
    assert "$NOTIFY_SOCKET" in caplog.text


def test_a_manager_that_starts_again_is_told_again_that_we_are_ready(tmp_path: Path) -> None:
    with Notifier(str(tmp_path / "notify")) as notifier:
        notifier.beat(0.0, "")
        manager = Manager(str(tmp_path / "notify"))
        notifier.beat(1.0, "now")
        assert manager.heard() == ["READY=1", "WATCHDOG=1\nSTATUS=now"]
        manager.socket.close()


def test_a_manager_that_does_not_listen_holds_up_nothing(manager: Manager) -> None:
    with Notifier(manager.address) as notifier:
        slowest_s = 0.0
        for second in range(600):  # more than the kernel keeps for it
            if slowest_s > 0.1:
                break  # its queue is full, and we went on
            began_s = time.monotonic()
            notifier.beat(float(second), "busy")
            slowest_s = max(slowest_s, time.monotonic() - began_s)
        assert 0.1 < slowest_s < 3.0
        assert manager.heard()[0] == "READY=1"
        notifier.beat(1000.0, "heard again")
        assert manager.heard() == ["WATCHDOG=1\nSTATUS=heard again"]


# The service as a process


def test_the_service_is_ready_after_its_first_frame_and_says_when_it_stops(
    tmp_path: Path,
) -> None:
    manager = Manager(str(tmp_path / "notify"))
    with service(
        tmp_path, "", "--source", CLIP, "--realtime", NOTIFY_SOCKET=manager.address
    ) as running:
        assert manager.hears() == "READY=1"
        rows = running.diary()
        assert rows, "ready before the first frame was in the diary"
        first, second = manager.hears(), manager.hears()
        assert first.startswith("WATCHDOG=1\nSTATUS=0.0 frames/s, faces: 1, expression: ")
        assert re.match(r"WATCHDOG=1\nSTATUS=[1-9][\d.]* frames/s, faces: 1, expression: ", second)
        code, _ = running.stop()
    assert code == 0
    assert manager.heard()[-1] == "STOPPING=1"
    manager.socket.close()


def test_without_a_frame_the_service_is_never_ready(tmp_path: Path) -> None:
    (tmp_path / "none.mp4").write_bytes(b"no video")
    manager = Manager(str(tmp_path / "notify"))
    with service(
        tmp_path, "", "--source", tmp_path / "none.mp4", NOTIFY_SOCKET=manager.address
    ) as running:
        assert running.process.wait(20) == 1
    assert manager.heard() == ["STOPPING=1"]
    manager.socket.close()


def test_a_loop_that_hangs_does_not_feed_the_watchdog(tmp_path: Path) -> None:
    manager = Manager(str(tmp_path / "notify"))
    with service(
        tmp_path, "", "--source", CLIP, "--realtime", NOTIFY_SOCKET=manager.address
    ) as running:
        assert manager.hears() == "READY=1"
        running.process.send_signal(signal.SIGSTOP)
        stat = Path(f"/proc/{running.process.pid}/stat")
        wait_for(lambda: ") T " in stat.read_text(), "the process to stop")
        manager.heard()
        manager.socket.settimeout(1.5)
        with pytest.raises(TimeoutError):
            manager.hears()
        running.process.send_signal(signal.SIGCONT)
        assert manager.hears().startswith("WATCHDOG=1")
    manager.socket.close()


# The unit


def unit_lines() -> list[str]:
    return UNIT.read_text().splitlines()


def verify(tmp_path: Path, *changes: tuple[str, str]) -> subprocess.CompletedProcess[str]:
    """systemd's opinion of the unit, its program being one that exists here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine: apt install systemd")
    text = UNIT.read_text().replace("/opt/fer-edge/bin/fer-edge", "/bin/true")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / UNIT.name).write_text(text)
    return subprocess.run(
        ["systemd-analyze", "verify", tmp_path / UNIT.name],
        capture_output=True,
        text=True,
        check=False,
    )


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    done = verify(tmp_path)
    assert done.returncode == 0, done.stderr
    assert UNIT.name not in done.stderr


def test_systemd_would_not_accept_an_unknown_key(tmp_path: Path) -> None:
    done = verify(tmp_path, ("WatchdogSec=", "WachdogSec="))
    assert "WachdogSec" in done.stderr


def test_the_unit_asks_for_what_the_program_does() -> None:
    lines = unit_lines()
    assert "Type=notify" in lines
    assert "ExecStart=/opt/fer-edge/bin/fer-edge run" in lines
    assert "Restart=on-failure" in lines
    assert "RestartPreventExitStatus=78" in lines
    assert "LogsDirectory=fer-edge" in lines
    assert "StateDirectory=fer-edge" in lines
    assert "LimitCORE=0" in lines, "a core dump would hold pictures of people"
    assert not any(line.startswith("PrivateDevices") for line in lines), "it hides the camera"


def seconds(key: str) -> int:
    (value,) = [line.partition("=")[2] for line in unit_lines() if line.startswith(f"{key}=")]
    return int(value)


def test_the_units_limits_leave_the_program_its_time() -> None:
    from edge.camera.source import STALLED_S
    from edge.service.systemd import BEAT_S

    assert seconds("WatchdogSec") > 3 * max(BEAT_S, STALLED_S)
    assert seconds("TimeoutStopSec") > STALLED_S
    assert seconds("TimeoutStartSec") > seconds("WatchdogSec")
