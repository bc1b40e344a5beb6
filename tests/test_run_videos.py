"""Real videos through the real command line, as a user would try the product."""

from __future__ import annotations

import signal
import subprocess
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from edge import diary
from edge.diary import Row
from tests.conftest import Mosquitto, Run, command, environment, wait_for
from tests.memory import rss_mb

EVERY_FRAME = "[mood]\nreading_interval_s = 0\n"


@pytest.fixture
def played(fer_edge: Run, tmp_path: Path, shared: Path) -> Played:
    return Played(fer_edge, tmp_path, shared / "videos")


class Played:
    """Plays a video with a row for every face in every frame, each time to a diary of its own."""

    def __init__(self, fer_edge: Run, folder: Path, videos: Path) -> None:
        self._fer_edge, self._folder, self._videos = fer_edge, folder, videos
        self._runs = 0

    def __call__(self, video: str, lines: str = "") -> Path:
        self._runs += 1
        log = self._folder / f"log-{self._runs}"
        config = self._folder / f"config-{self._runs}.toml"
        config.write_text(f'{EVERY_FRAME}[log]\ndirectory = "{log}"\n{lines}')
        done = self._fer_edge("run", "--config", config, "--source", self._videos / video)
        assert done.returncode == 0, done.stderr
        return log

    def rows(self, video: str) -> list[Row]:
        return list(diary.rows(self(video) / diary.NAME))


def test_a_face_gets_a_row_for_nearly_every_frame_and_twice_the_same_file(
    played: Played, broker: Mosquitto
) -> None:
    video = "pyfeat_WolfgangLanger_Pexels.mp4"
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
    today = date.today()
    first, second = played(video, mqtt), played(video, mqtt)
    if date.today() != today:  # a file's clock starts at midnight of the day of the run
        first, second = played(video, mqtt), played(video, mqtt)

    rows = list(diary.rows(first / diary.NAME))
    frames = {row.time for row in rows}
    assert len(frames) >= 0.9 * 472
    assert [path.name for path in diary.files(first)] == [diary.NAME]
    assert (first / diary.NAME).read_bytes() == (second / diary.NAME).read_bytes()


def test_rows_are_as_documented(played: Played) -> None:
    log = played("pyfeat_single_face.mp4")
    header, *lines = (log / diary.NAME).read_bytes().decode().split("\r\n")[:-1]
    assert header.startswith("time,face,emotion,confidence,p_")
    assert header.endswith(",x,y,width,height,note")
    assert len(lines) >= 0.9 * 72
    for row in diary.rows(log / diary.NAME):
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
        faces = {row.face for row in diary.rows(tmp_path / "log" / diary.NAME)}
        assert faces > seen
        seen = faces


def test_a_looped_file_goes_on_in_media_time(fer_edge: Run, tmp_path: Path, shared: Path) -> None:
    video = shared / "videos" / "pyfeat_single_face.mp4"
    assert fer_edge("run", "--source", video, "--loop", 5).returncode == 0
    times = [row.time for row in diary.rows(tmp_path / "log" / diary.NAME)]
    assert times == sorted(times)
    assert 11 <= (times[-1] - times[0]).total_seconds() <= 12.5  # 5 times 2.4 s


def test_interval_and_realtime_leave_the_same_rows_as_full_speed(
    fer_edge: Run, tmp_path: Path, shared: Path
) -> None:
    video = shared / "videos" / "pyfeat_single_face.mp4"
    for log, options in (("fast", ()), ("paced", ("--realtime",))):
        config = tmp_path / f"{log}.toml"
        config.write_text(f'[log]\ndirectory = "{tmp_path / log}"\n')
        assert fer_edge("run", "--config", config, "--source", video, *options).returncode == 0
    fast, paced = (tmp_path / log / diary.NAME for log in ("fast", "paced"))
    assert fast.read_bytes() == paced.read_bytes()
    rows = list(diary.rows(fast))
    gaps = [(b.time - a.time).total_seconds() for a, b in pairwise(rows)]
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
    path = tmp_path / "log" / diary.NAME
    wait_for(lambda: path.exists() and list(diary.rows(path)), "the first row")
    process.send_signal(signal.SIGTERM if how == "terminate" else signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert (process.returncode, said) == (0, "")
    assert path.read_bytes().endswith(b"\r\n")


def test_memory_stays_flat(tmp_path: Path, shared: Path) -> None:
    """From 200 to 2,000 frames; `python -m tests.memory VIDEO` measures 2,000 and 20,000."""
    early, late = rss_mb(shared / "videos" / "pyfeat_single_face.mp4", 200, 2000, tmp_path)
    assert late - early < 5, f"{early:.1f} MB grew to {late:.1f} MB"
