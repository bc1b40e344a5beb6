"""Real videos through the real command line, as a user would try the product."""

from __future__ import annotations

import signal
import subprocess
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from edge.diary import layout, reader
from edge.diary.schema import Row
from tests.conftest import Mosquitto, Run, command, environment, wait_for
from tests.support.memory import rss_mb

pytestmark = pytest.mark.slow

MS = timedelta(milliseconds=1)
EVERY_FRAME = "[mood]\nreading_interval_s = 0\n"


@pytest.fixture
def played(fer_edge: Run, tmp_path: Path, shared: Path) -> Played:
    return Played(fer_edge, tmp_path, shared / "videos")


def readings(log: Path) -> list[Row]:
    """The rows of `log` that are about a face."""
    return [row for row in reader.rows(log / layout.NAME) if row.face is not None]


class Played:
    """Plays a video with a row for every face in every frame, each time to a diary of its own."""

    def __init__(self, fer_edge: Run, folder: Path, videos: Path) -> None:
        self._fer_edge, self._folder, self._videos = fer_edge, folder, videos
        self._runs = 0

    def __call__(self, video: str, lines: str = "") -> Path:
        self._runs += 1
        log = self._folder / f"log-{self._runs}"
        config = self._folder / f"config-{self._runs}.toml"
        # What alerts remember is in the state directory; it would change what the next run notes.
        directories = f'[diary]\ndirectory = "{log}"\n[state]\ndirectory = "{log}-state"\n'
        config.write_text(f"{EVERY_FRAME}{directories}{lines}")
        done = self._fer_edge("run", "--config", config, "--source", self._videos / video)
        assert done.returncode == 0, done.stderr
        return log

    def rows(self, video: str) -> list[Row]:
        return readings(self(video))


def test_a_face_gets_a_row_for_nearly_every_frame_and_twice_the_same_file(
    played: Played, broker: Mosquitto
) -> None:
    video = "pyfeat_WolfgangLanger_Pexels.mp4"
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
    today = date.today()
    first, second = played(video, mqtt), played(video, mqtt)
    if date.today() != today:  # a file's clock starts at midnight of the day of the run
        first, second = played(video, mqtt), played(video, mqtt)

    rows = list(reader.rows(first / layout.NAME))
    frames = {row.time for row in rows}
    assert len(frames) >= 0.9 * 472
    assert [path.name for path in layout.files(first)] == [layout.NAME]
    assert (first / layout.NAME).read_bytes() == (second / layout.NAME).read_bytes()


def test_rows_are_as_documented(played: Played) -> None:
    log = played("pyfeat_single_face.mp4")
    header, *lines = (log / layout.NAME).read_bytes().decode().split("\r\n")[:-1]
    assert header.startswith("time,face,emotion,confidence,p_")
    assert header.endswith(",x,y,width,height,note")
    assert len(lines) >= 0.9 * 72
    for row in readings(log):
        values = row.as_dict()
        shares = {k[2:]: float(v) for k, v in values.items() if k.startswith("p_")}
        assert sum(shares.values()) == pytest.approx(1, abs=0.001)
        assert shares[values["emotion"]] == max(shares.values()) == float(values["confidence"])
        assert 0 <= int(values["x"]) <= 640 - int(values["width"])
        assert 0 <= int(values["y"]) <= 360 - int(values["height"])
        assert row.time.date() == date.today() or row.time.hour == 0


def test_where_there_is_no_face_there_are_hardly_any_rows(played: Played) -> None:
    assert len(played.rows("pyfeat_no_face.mp4")) <= 2


def test_several_people_have_several_face_numbers(played: Played) -> None:
    rows = played.rows("petercunha_dinner.mp4")
    together: dict[object, set[int | None]] = {}
    for row in rows:
        together.setdefault(row.time, set()).add(row.face)
    assert max(map(len, together.values())) >= 2
    assert len({row.face for row in rows}) >= 3


def test_a_face_number_is_never_used_again_in_the_same_directory(
    fer_edge: Run, tmp_path: Path, shared: Path
) -> None:
    video = shared / "videos" / "pyfeat_single_face.mp4"
    seen: set[int | None] = set()
    for _ in range(3):
        assert fer_edge("run", "--source", video).returncode == 0
        faces = {row.face for row in reader.rows(tmp_path / "log" / layout.NAME)}
        assert faces > seen
        seen = faces


def test_a_looped_file_goes_on_in_media_time(fer_edge: Run, tmp_path: Path, shared: Path) -> None:
    video = shared / "videos" / "pyfeat_single_face.mp4"
    assert fer_edge("run", "--source", video, "--loop", 5).returncode == 0
    times = [row.time for row in reader.rows(tmp_path / "log" / layout.NAME)]
    assert times == sorted(times)
    assert 11 <= (times[-1] - times[0]).total_seconds() <= 12.5  # 5 times 2.4 s


def test_interval_and_realtime_leave_the_same_rows_as_full_speed(
    fer_edge: Run, tmp_path: Path, shared: Path
) -> None:
    video, began = shared / "videos" / "pyfeat_single_face.mp4", datetime.now().astimezone()
    for log, options in (("fast", ()), ("paced", ("--realtime",))):
        config = tmp_path / f"{log}.toml"
        config.write_text(f'[diary]\ndirectory = "{tmp_path / log}"\n')
        assert fer_edge("run", "--config", config, "--source", video, *options).returncode == 0
    fast, paced = (readings(tmp_path / log) for log in ("fast", "paced"))
    assert [row.values[1:] for row in fast] == [row.values[1:] for row in paced]
    shift = paced[0].time - fast[0].time
    assert all(abs(b.time - a.time - shift) <= MS for a, b in zip(fast, paced, strict=True))
    assert abs(paced[0].time - began) < timedelta(seconds=30), "real time, for log --since"
    gaps = [(b.time - a.time).total_seconds() for a, b in pairwise(fast)]
    assert gaps
    assert all(0.99 <= gap <= 1.1 for gap in gaps)


@pytest.mark.parametrize("how", ["terminate", "interrupt"])
def test_sigterm_and_ctrl_c_end_a_run_cleanly(how: str, tmp_path: Path, shared: Path) -> None:
    video = shared / "videos" / "pyfeat_single_face.mp4"
    process = subprocess.Popen(
        command("run", "--source", video, "--realtime", "--loop", 1000),
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    path = tmp_path / "log" / layout.NAME
    wait_for(lambda: path.exists() and list(reader.rows(path)), "the first row")
    process.send_signal(signal.SIGTERM if how == "terminate" else signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 0
    assert not [line for line in said.splitlines() if not line.startswith("INFO: ")]
    assert path.read_bytes().endswith(b"\r\n")


def test_memory_stays_flat(tmp_path: Path, shared: Path) -> None:
    """From 200 to 2,000 frames; `tests.support.memory` measures longer runs."""
    early, late = rss_mb(shared / "videos" / "pyfeat_single_face.mp4", 200, 2000, tmp_path)
    assert late - early < 5, f"{early:.1f} MB grew to {late:.1f} MB"
