"""The Pi's own camera stack: picamera2 on libcamera, whose virtual camera plays a folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from edge.diary import layout, reader, schema
from tests.conftest import ROOT, wait_for
from tests.systems.conftest import Figure, root_or_skip
from tests.systems.machine import Machine
from tests.systems.pi import waited
from tests.systems.stream import pictures

CONFIG = '[camera]\nsource = "{}"\n[mood]\nreading_interval_s = 0.2\n'
_INSIDE = """
mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/dev/shm"; root=$1; shift
exec chroot "$root" env LD_PRELOAD=/opt/dma_heap.so /opt/venv/bin/python "$@"
"""


@pytest.fixture
def virtual(tmp_path: Path) -> Iterator[Path]:
    """A root file system in which picamera2 finds a camera that plays the demo's clip."""
    system = Machine(root_or_skip("picamera2"), tmp_path / "virtual")
    shutil.copytree(ROOT / "edge", system.root / "srv" / "edge")
    shutil.copy(Path(__file__).parent / "picamera2" / "sitecustomize.py", system.root / "srv")
    for at, picture in enumerate(pictures()):
        (system.root / "srv" / "frames" / f"{at}.jpg").write_bytes(picture)
    for folder in ("proc", "dev/shm"):
        (system.root / folder).mkdir(exist_ok=True)
    yield system.root
    system.close()


@contextmanager
def service(root: Path, source: str) -> Iterator[subprocess.Popen[bytes]]:
    """`fer-edge run` on the camera; what it says goes to /srv/said."""
    (root / "srv" / "config.toml").write_text(CONFIG.format(source))
    arguments = ["-m", "edge", "run", "--config", "/srv/config.toml"]
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "PYTHONPATH": "/srv",
        "LOGS_DIRECTORY": "/srv/log",
        "STATE_DIRECTORY": "/srv/state",
    }
    with (root / "srv" / "said").open("ab") as said:
        process = subprocess.Popen(
            ["unshare", "--mount", "bash", "-c", _INSIDE, "-", root, *arguments],
            env=environment,
            cwd="/",
            stdout=said,
            stderr=said,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def said(root: Path) -> str:
    return (root / "srv" / "said").read_text()


def rows(root: Path) -> list[schema.Row]:
    return [row for path in layout.files(root / "srv" / "log") for row in reader.rows(path)]


@pytest.mark.parametrize("source", ["picamera2", "auto"])
def test_readings_come_out(virtual: Path, source: str, figure: Figure) -> None:
    with service(virtual, source) as process:
        first_s = waited(lambda: rows(virtual) or process.poll() is not None, "a row")
        time.sleep(10)
        assert process.poll() is None, said(virtual)
        assert len(rows(virtual)) >= 10, said(virtual)
        process.terminate()
        began_s = time.monotonic()
        assert process.wait(20) == 0
        ended_s = time.monotonic() - began_s
    seen = {row.values[2] for row in rows(virtual)}
    figure(f"first row after {first_s:.1f} s, {len(seen)} expressions, ended in {ended_s:.1f} s")
    assert len(seen) >= 3, "the clip shows seven"
    assert ended_s < 2.5


def test_a_stall_is_told_and_the_next_start_goes_on(virtual: Path, figure: Figure) -> None:
    with service(virtual, "picamera2") as process:
        wait_for(lambda: len(rows(virtual)) >= 5, "rows")
        (virtual / "srv" / "stall").touch()
        told_s = waited(lambda: "picture" in said(virtual), "a word about the camera", 20)
        began_s = time.monotonic()
        assert process.wait(30) == 1, "systemd is to start it again"
        ended_s = told_s + time.monotonic() - began_s
    (virtual / "srv" / "stall").unlink()
    before = len(rows(virtual))
    with service(virtual, "picamera2"):
        wait_for(lambda: len(rows(virtual)) >= before + 5, "rows again", 90)
    figure(f"reported after {told_s:.1f} s, ended for a restart after {ended_s:.1f} s, rows again")
    assert told_s < 3.5
    assert ended_s < 15


def buffers(process: subprocess.Popen[bytes]) -> int:
    """How many buffers for pictures the process holds."""
    found = 0
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            found += "dma-buf" in str(link.readlink())
    return found


def noted(root: Path, word: str) -> bool:
    """Whether the latest row is this event, which is noted when the camera is closed."""
    return rows(root)[-1].values[-1].startswith(word)


def test_a_pause_closes_the_camera_and_another_process_can_have_it(
    virtual: Path, figure: Figure
) -> None:
    with service(virtual, "picamera2") as process:
        wait_for(lambda: len(rows(virtual)) >= 5, "rows", 90)
        held = buffers(process)
        (virtual / "srv" / "state").mkdir(exist_ok=True)
        (virtual / "srv" / "state" / "paused").touch()
        closed_s = waited(lambda: noted(virtual, "paused"), "the pause")
        before = len(rows(virtual))
        other = subprocess.run(
            ["unshare", "--mount", "bash", "-c", _INSIDE, "-", virtual, "-m", "edge", "check",
             "--json", "--config", "/srv/config.toml"],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "PYTHONPATH": "/srv",
                 "LOGS_DIRECTORY": "/srv/other", "STATE_DIRECTORY": "/srv/other"},
            cwd="/", capture_output=True, text=True, check=False,
        )  # fmt: skip
        (camera,) = [p for p in json.loads(other.stdout)["parts"] if p["part"] == "camera"]
        assert camera["ok"], camera
        assert len(rows(virtual)) == before, "nobody is watched"
        (virtual / "srv" / "state" / "paused").unlink()
        back_s = waited(lambda: len(rows(virtual)) > before + 3, "rows again", 90)
        for _ in range(3):
            (virtual / "srv" / "state" / "paused").touch()
            wait_for(lambda: noted(virtual, "paused"), "another pause")
            (virtual / "srv" / "state" / "paused").unlink()
            wait_for(lambda: rows(virtual)[-1].face is not None, "rows again", 90)
        assert process.poll() is None
        # A moment's number differs by one or two; each camera that is not given back adds them all.
        assert 0 < buffers(process) < 2 * held, "those of cameras that were closed were given back"
    figure(f"closed after {closed_s:.1f} s, used by another process, rows {back_s:.1f} s later")
