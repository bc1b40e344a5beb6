"""A power cut at a random moment: of the whole machine, and of the disk under the diary."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.diary import layout, reader, schema
from edge.messaging.outbox import NAME
from tests.conftest import Mosquitto, wait_for
from tests.support.mqtt import alerts, listening
from tests.support.service import CLIP, Service
from tests.systems.conftest import Figure
from tests.systems.pi import Pi, once_each, waited, whole

CUTS = int(os.environ.get("FER_EDGE_CUTS", "3"))
LIVES_S = (1.0, 4.0)
FSYNC_S = 2.0
#: FS_IOC_SHUTDOWN without flushing the journal: the disk keeps what it has now, and no more.
_SHUTDOWN, _NO_LOG_FLUSH = 0x8004587D, 2
LINES = f"""device = "pi"
[mood]
reading_interval_s = 0.1
rate_hz = 15.0
[diary]
fsync_s = {FSYNC_S}
[mqtt]
host = "127.0.0.1"
port = {{port}}
[[alerts]]
name = "calm"
emotions = ["neutral", "sad"]
count = 1
window_s = 0.3
clear_count = 0
min_confidence = 0.0
cooldown_s = 0.0
"""


def test_after_a_power_cut_the_machine_starts_and_goes_on(
    running: Pi, broker: Mosquitto, figure: Figure
) -> None:
    wait_for(lambda: len(running.rows()) >= 20, "rows")
    before = running.rows()
    running.machine.power_cut()
    began_s = time.monotonic()
    running.machine.boot()
    running.ready()
    up_s = time.monotonic() - began_s
    waited(lambda: len(running.rows()) > len(before) + 5, "more rows")
    after = running.rows()
    figure(f"reading again {up_s:.1f} s after power came back, {len(before)} rows of before whole")
    assert after[: len(before)] == before


class Disk:
    """An ext4 of its own on a file; what is not on the disk when it is `cut` is gone."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number, self.place = folder, 0, folder / "disk"
        self.place.mkdir()
        self._image.write_bytes(bytes(32 << 20))
        subprocess.run(["mkfs.ext4", "-q", "-F", self._image], check=True)

    @property
    def _image(self) -> Path:
        return self._folder / f"disk-{self._number}.img"

    def mount(self) -> None:
        done = subprocess.run(
            ["mount", "-o", "loop", self._image, self.place],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"mounting a file as a disk needs root: {done.stderr.splitlines()[0]}")

    def cut(self) -> None:
        """From now on nothing is written to the disk, not even what was promised."""
        fd = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def again(self) -> None:
        """Mounts what the disk has now: of a copy, as others may still see the one that was cut."""
        subprocess.run(["umount", "--lazy", self.place], check=True)
        old = self._image
        self._number += 1
        shutil.copy(old, self._image)
        old.unlink()
        self.mount()

    def check(self) -> None:
        """The file system itself must be well, its journal played back."""
        subprocess.run(["umount", self.place], check=True)
        subprocess.run(["e2fsck", "-f", "-p", self._image], check=False, capture_output=True)
        again = subprocess.run(["e2fsck", "-f", "-n", self._image], check=False)
        assert again.returncode == 0
        self.mount()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path)
    made.mount()
    yield made
    subprocess.run(["umount", "--lazy", made.place], check=False)


@contextmanager
def service(disk: Disk, folder: Path, port: int) -> Iterator[Service]:
    """`fer-edge run` with diary and outbox on the disk."""
    places = {
        "LOGS_DIRECTORY": str(disk.place / "log"),
        "STATE_DIRECTORY": str(disk.place / "state"),
    }
    arguments = ("--source", CLIP, "--realtime", "--loop", 1000)
    running = Service(folder, LINES.format(port=port), *arguments, **places)
    try:
        yield running
    finally:
        running.kill()


def waiting(disk: Disk, folder: Path) -> set[str]:
    """The ids of the alerts that were committed, read from a copy."""
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(disk.place / "state", copy)
    with sqlite3.connect(copy / NAME) as database:
        return {row[0] for row in database.execute("SELECT id FROM waiting")}


def rows(disk: Disk) -> list[schema.Row]:
    """All of them, the last perhaps torn by the cut and then left out."""
    return [row for path in layout.files(disk.place / "log") for row in reader.rows(path)]


def test_a_disk_that_loses_its_power_has_all_but_the_last_seconds(
    tmp_path: Path, disk: Disk, new_broker: object, figure: Figure
) -> None:
    assert callable(new_broker)
    broker: Mosquitto = new_broker("")
    dice = random.Random(11)
    committed: set[str] = set()
    lost_s: list[float] = []
    lost_rows = 0
    for at in range(CUTS):
        with service(disk, tmp_path / f"run-{at}", broker.port) as running:
            so_far = len(rows(disk)) if at else 0
            wait_for(lambda: len(rows(disk)) > so_far, "a row")  # noqa: B023
            time.sleep(dice.uniform(*LIVES_S))
            running.process.send_signal(19)  # SIGSTOP: what is written now is written
            wait_for(lambda: stopped(running), "the process to stop")
            before = rows(disk)
            committed |= waiting(disk, tmp_path)
            disk.cut()
            running.kill()
        disk.again()
        after = rows(disk)
        assert after == before[: len(after)], "what is left is what was written"
        lost_rows += len(before) - len(after)
        if len(after) < len(before):
            gone = before[len(after) :]
            lost_s.append((gone[-1].time - gone[0].time).total_seconds())
    with service(disk, tmp_path / "last", broker.port) as running:
        wait_for(lambda: len(rows(disk)) > len(after), "it to go on after the last cut")
        broker.start()
        with listening(broker) as subscriber:
            wait_for(lambda: got(subscriber) >= committed, "the alerts that waited")
            twice = len(alerts(subscriber)) - len(once_each(alerts(subscriber)))
        running.stop()
    for path in layout.files(disk.place / "log"):
        whole(path)
    subprocess.run(["sync", "-f", disk.place], check=True)
    disk.again()
    disk.check()
    figure(
        f"{CUTS} cuts: {lost_rows} rows lost, at most {max(lost_s, default=0.0):.1f} s of them"
        f" (fsync_s={FSYNC_S:g}), none torn; 0 of {len(committed)} alerts lost, {twice} twice"
    )
    assert committed, "no alert waited when the power went"
    assert max(lost_s, default=0.0) <= FSYNC_S + 0.2


def got(subscriber: object) -> set[str]:
    return {message["id"] for message in alerts(subscriber)}  # type: ignore[arg-type]


def stopped(running: Service) -> bool:
    return ") T " in Path(f"/proc/{running.process.pid}/stat").read_text()
