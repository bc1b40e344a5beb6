"""Videos and folders of pictures: every frame, upright, with the times of the medium."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.camera import luma
from edge.camera.source import Waiting, open_frames, pictures_only
from edge.config.schema import CameraConfig
from edge.errors import CameraError
from edge.packaged import CLIP
from edge.records import Frame
from tests.support.videos import frames, rotation_tag, video, write

GRAY = np.zeros((48, 64), np.uint8)
GRAY[:24, :32] = 200  # bright upper left corner
GRAY[24:, :32] = 100  # half bright below it


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures of different kinds and sizes, and what is not a picture."""
    place = tmp_path / "pictures"
    place.mkdir()
    cv2.imwrite(str(place / "b.jpg"), np.full((60, 80, 3), (0, 0, 255), np.uint8))
    cv2.imwrite(str(place / "a.png"), GRAY)
    cv2.imwrite(str(place / "c.PGM"), GRAY[:10, :12])
    (place / "notes.txt").write_text("no picture")
    return place


def test_a_video_gives_every_frame_with_media_time_from_local_midnight(tmp_path: Path) -> None:
    got = frames(video(tmp_path / "x.avi"))
    assert [f.source_s for f in got] == pytest.approx([n / 10 for n in range(10)])
    midnight = datetime.combine(date.today(), datetime.min.time()).astimezone()
    assert got[0].time == midnight
    assert (got[7].time - midnight).total_seconds() == pytest.approx(0.7, abs=1e-3)
    assert [round(float(f.gray.mean()) / 20) for f in got] == list(range(10))
    assert all(f.gray.shape == (48, 64) and f.gray.dtype == np.uint8 for f in got)
    assert all(f.clock_ok for f in got)


def test_a_video_has_memory_for_one_picture() -> None:
    with closing(open_frames(CameraConfig(source=str(CLIP)))) as opened:
        pictures = pictures_only(opened)
        first = next(pictures).gray
        before = first.copy()
        assert next(pictures).gray is first
        assert (first != before).any()


def test_what_people_wait_for_goes_by_the_machines_clock(tmp_path: Path) -> None:
    before = time.monotonic()
    got = frames(video(tmp_path / "x.avi"))
    assert before <= got[0].monotonic_s <= got[-1].monotonic_s <= time.monotonic()
    assert got[-1].monotonic_s - got[0].monotonic_s < 0.9


def test_loops_go_on_in_time_with_no_gap_and_no_overlap(tmp_path: Path) -> None:
    got = frames(video(tmp_path / "x.avi"), loops=3)
    assert [f.source_s for f in got] == pytest.approx([n / 10 for n in range(30)])


def test_frames_of_a_real_video_have_growing_times(shared: Path) -> None:
    for name, count in (("pyfeat_single_face.mp4", 72), ("intel_asl_book.mkv", 109)):
        times = [f.source_s for f in frames(shared / "videos" / name)]
        assert len(times) == count
        assert times[0] == 0
        assert all(a < b for a, b in pairwise(times))
        assert times[-1] == pytest.approx((count - 1) / 30, rel=0.02)


def test_realtime_paces_a_file_by_the_clock(tmp_path: Path) -> None:
    path = video(tmp_path / "x.avi", count=6)
    before = time.monotonic()
    got = frames(path, realtime=True)
    assert len(got) == 6
    assert all(f.monotonic_s - before >= f.source_s - 0.001 for f in got)


def test_a_paced_file_says_that_it_waits(tmp_path: Path) -> None:
    settings = CameraConfig(source=str(video(tmp_path / "x.avi", fps=0.1)))
    with closing(open_frames(settings, realtime=True)) as paced:
        assert isinstance(next(paced), Frame)
        began_s = time.monotonic()
        assert next(paced) == next(paced) == Waiting(silent=False), "the next is 10 s away"
        assert time.monotonic() - began_s < 2


def test_a_folder_is_played_in_the_order_of_its_names_at_the_cameras_rate(folder: Path) -> None:
    got = frames(folder, fps=4)
    assert [f.gray.shape for f in got] == [(48, 64), (60, 80), (10, 12)]
    assert [f.source_s for f in got] == [0, 0.25, 0.5]
    assert (got[0].gray == GRAY).all()
    assert [f.source_s for f in frames(folder, fps=4, loops=2)] == [n / 4 for n in range(6)]


def test_an_unreadable_picture_is_passed_over_and_named(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "aa.jpg").write_text("no picture either")
    assert [f.source_s for f in frames(folder, fps=4)] == [0, 0.25, 0.5]
    assert "aa.jpg: not a readable picture" in caplog.text


@pytest.mark.parametrize(
    ("rotation", "flip", "bright"),
    [
        (0, False, "upper left"),
        (90, False, "upper right"),
        (180, False, "lower right"),
        (270, False, "lower left"),
        (0, True, "upper right"),
        (90, True, "upper left"),
    ],
)
def test_rotation_is_clockwise_and_flip_mirrors_after_it(
    folder: Path, rotation: int, flip: bool, bright: str
) -> None:
    first, *_ = frames(folder, rotation=rotation, flip=flip)
    height, width = first.gray.shape
    assert (height, width) == ((64, 48) if rotation % 180 else (48, 64))
    corners = {
        "upper left": first.gray[0, 0],
        "upper right": first.gray[0, -1],
        "lower left": first.gray[-1, 0],
        "lower right": first.gray[-1, -1],
    }
    assert max(corners, key=lambda name: corners[name]) == bright


@pytest.mark.parametrize(("name", "codec"), [("x.mp4", "mp4v"), ("x.mov", "MJPG")])
@pytest.mark.parametrize(
    ("tag", "rotation", "bright"),
    [
        (0, 0, (0, 0)),
        (90, 0, (0, -1)),
        (180, 0, (-1, -1)),
        (270, 0, (-1, 0)),
        (90, 270, (0, 0)),
    ],
)
def test_a_phones_rotation_tag_is_followed_and_the_configured_one_comes_on_top(
    tmp_path: Path, name: str, codec: str, tag: int, rotation: int, bright: tuple[int, int]
) -> None:
    pictures = 3 * [np.dstack(3 * [GRAY])]
    path = rotation_tag(write(tmp_path / name, pictures, codec=codec), tag)
    assert luma.is_jpeg(cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)) is (codec == "MJPG")
    for frame in frames(path, rotation=rotation):
        turned = (tag + rotation) % 360
        assert frame.gray.shape == ((64, 48) if turned % 180 else (48, 64))
        corners = {(y, x): frame.gray[y, x] for y in (0, -1) for x in (0, -1)}
        assert max(corners, key=lambda place: corners[place]) == bright


@pytest.mark.parametrize("content", [b"", b"no video", b"\0\0\0\x20ftypisom" + b"\0" * 500])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(CameraError, match=r"x\.mp4: no picture can be read from it"):
        frames(path)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="no readable picture in this folder"):
        frames(tmp_path)


def test_a_video_that_breaks_off_gives_what_is_there(shared: Path, tmp_path: Path) -> None:
    content = (shared / "videos" / "intel_asl_book.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) // 2])
    assert 20 < len(frames(tmp_path / "cut.mkv")) < 109


def test_a_jpeg_video_decoded_to_gray_shows_what_it_shows_in_colour(tmp_path: Path) -> None:
    path = video(tmp_path / "x.avi")
    colour = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    assert luma.is_jpeg(colour)
    for frame in frames(path):
        expected = cv2.cvtColor(colour.read()[1], cv2.COLOR_BGR2GRAY)
        assert np.abs(frame.gray.astype(int) - expected).max() <= 3


def test_a_slow_reader_of_a_paced_file_loses_no_frame(tmp_path: Path) -> None:
    settings = CameraConfig(source=str(video(tmp_path / "x.avi", count=12)))
    late = []
    for frame in pictures_only(open_frames(settings, realtime=True)):
        late.append(frame)
        time.sleep(0.15)
    assert len(late) == 12
