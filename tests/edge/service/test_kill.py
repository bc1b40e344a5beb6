"""`kill -9` at random moments: the diary is what it was up to then, to the row."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge.diary import layout
from tests.conftest import command, environment
from tests.support.diaries import contents

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("FER_EDGE_KILLS", "8"))
AT_ONCE = 4
# So small that the diary turns to a new file every second, and some kills fall into that.
LINES = "[mood]\nreading_interval_s = 0\n[diary]\nmax_bytes = 4096\n"


def start(folder: Path, video: Path) -> subprocess.Popen[bytes]:
    folder.mkdir()
    config = folder / "config.toml"
    config.write_text(LINES)
    return subprocess.Popen(
        command("run", "--config", config, "--source", video, "--realtime", "--loop", 2),
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def rows(folder: Path) -> list[bytes]:
    """All rows on disk in order, without headers and times; fails where a byte of them is torn."""
    found: list[bytes] = []
    for path in layout.files(folder / "log"):
        text = contents(path)
        assert not text or text.endswith(b"\r\n"), f"{path}: torn end"
        header, *lines = text.split(b"\r\n")[:-1] or [b""]
        assert all(line.count(b",") == header.count(b",") for line in lines), f"{path}: torn row"
        found += [line.partition(b",")[2] for line in lines]
    return found


def kill_at(moment_s: float, folder: Path, video: Path) -> list[bytes]:
    """The rows that a run leaves which is killed `moment_s` after it was started."""
    process = start(folder, video)
    try:
        process.wait(timeout=moment_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
    return rows(folder)


def moments(end_s: float) -> Iterable[float]:
    """Random, but one in each `KILLS`th of the time."""
    dice = random.Random(20)
    return [(at + dice.random()) / KILLS * end_s for at in range(KILLS)]


@pytest.mark.timeout(600)
def test_a_killed_run_leaves_an_exact_prefix_of_the_rows(tmp_path: Path, shared: Path) -> None:
    video = shared / "videos" / "pyfeat_single_face.mp4"
    began = time.monotonic()
    whole = start(tmp_path / "whole", video)
    assert whole.wait(120) == 0
    length_s = time.monotonic() - began
    expected = rows(tmp_path / "whole")
    assert len(expected) > 100

    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [
            pool.submit(kill_at, moment, tmp_path / f"killed-{at}", video)
            for at, moment in enumerate(moments(length_s))
        ]
        left = [run.result() for run in runs]

    for at, got in enumerate(left):
        assert got == expected[: len(got)], f"killed-{at}"
    midway = [got for got in left if 0 < len(got) < len(expected)]
    assert len(midway) >= KILLS // 3, f"rows left: {sorted(map(len, left))}"
    print(f"{KILLS} kills, rows left of {len(expected)}: {sorted(map(len, left))}")


def test_the_next_run_after_a_kill_goes_on_where_it_was(tmp_path: Path, shared: Path) -> None:
    video = shared / "videos" / "pyfeat_single_face.mp4"
    folder = tmp_path / "twice"
    before = kill_at(3.0, folder, video)
    process = subprocess.run(
        command("run", "--config", folder / "config.toml", "--source", video),
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = process.stderr.splitlines()
    assert (process.returncode, [line for line in said if not line.startswith("INFO: ")]) == (0, [])
    after = rows(folder)
    assert after[: len(before)] == before
    new = after[len(before) :]
    assert len(new) > 60
    faces = {row.split(b",")[0] for row in before} - {b""}
    assert faces
    assert not faces & {row.split(b",")[0] for row in new}
