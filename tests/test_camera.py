"""Frames from files and folders as they are; from cameras through a fake of the lowest layer."""

from __future__ import annotations

import os
import queue
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import camera, gray, patience, picamera, webcam
from edge.address import shown
from edge.camera import is_file, open_frames, refuse_wrong
from edge.check import check
from edge.config import Camera, Config, Log
from edge.errors import CameraError, ConfigError
from edge.records import ByteArray, Frame
from tests.conftest import wait_for
from tests.test_outbox import as_nobody

GRAY = np.zeros((48, 64), np.uint8)
GRAY[:24, :32] = 200  # bright upper left corner
GRAY[24:, :32] = 100  # half bright below it


def frames(source: object, stop: threading.Event | None = None, **options: object) -> list[Frame]:
    loops, realtime = options.pop("loops", 1), options.pop("realtime", False)
    settings = Camera(source=str(source), **options)  # type: ignore[arg-type]
    stop = stop or threading.Event()
    return list(open_frames(settings, stop, realtime=realtime, loops=loops))  # type: ignore[arg-type]


def video(path: Path, count: int = 10, fps: float = 10.0) -> Path:
    """A video of `count` pictures, each brighter than the one before."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 48))
    for at in range(count):
        writer.write(np.full((48, 64, 3), 20 * at, np.uint8))
    writer.release()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures of different kinds and sizes, and what is no picture."""
    place = tmp_path / "pictures"
    place.mkdir()
    cv2.imwrite(str(place / "b.jpg"), np.full((60, 80, 3), (0, 0, 255), np.uint8))
    cv2.imwrite(str(place / "a.png"), GRAY)
    cv2.imwrite(str(place / "c.PGM"), GRAY[:10, :12])
    (place / "notes.txt").write_text("no picture")
    return place


@pytest.mark.parametrize("kind", ["file", "folder", "file below", "folder below"])
def test_what_is_closed_to_us_is_said_so(kind: str) -> None:
    """As systemd's ProtectHome closes every home directory to the service."""
    with tempfile.TemporaryDirectory() as place:  # not below tmp_path, which is its owner's alone
        Path(place).chmod(0o755)
        home = Path(place) / "home"
        home.mkdir()
        path = video(home / "x.avi") if "file" in kind else home / "pictures"
        if "folder" in kind:
            path.mkdir()
        (home if "below" in kind else path).chmod(0)
        for attempt in (frames, lambda source: refuse_wrong(Camera(source=str(source)))):
            with as_nobody(), pytest.raises(CameraError) as refused:
                attempt(path)
            assert str(refused.value).startswith(f"{path}: Permission denied; the service sees no")
        home.chmod(0o700)


def test_a_name_that_no_file_can_have_is_one_line() -> None:
    with pytest.raises(CameraError, match="no such file, folder or camera"):
        frames("x" * 300)


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("rtsp://host:554/Streaming/Channels/101", "rtsp://host:554/Streaming/Channels/101"),
        ("rtsp://[fe80::1%eth0]:554/live", "rtsp://[fe80::1%eth0]:554/live"),
        ("rtsp://admin:geheim@host/live", "rtsp://host/live"),
        ("rtsp://admin:ge@heim@host/live", "rtsp://host/live"),
        ("rtsp://admin:ge/heim@host/live", "rtsp://..."),
        ("rtsp://admin:ge?heim@host/live", "rtsp://..."),
        ("rtsp://a:geheim@b/heim@host/live", "rtsp://..."),
        ("rtsp://admin:geheim", "rtsp://..."),
        ("http://host/video.cgi?user=admin&pwd=geheim", "http://host/..."),
        ("http://host?geheim", "http://host/..."),
        ("http://host/video?user=me@home.de&pwd=geheim", "http://..."),
        ("rtsp://host:554/user=admin&password=geheim&channel=1", "rtsp://host:554/..."),
        ("rtsp://host:geheim/live", "rtsp://..."),
        ("/dev/video0", "/dev/video0"),
        ("a=b@c.mp4", "a=b@c.mp4"),
    ],
)
def test_of_an_address_only_what_can_hold_no_secret_is_printed(source: str, printed: str) -> None:
    assert shown(source) == printed


# Files


def test_a_video_gives_every_frame_with_media_time_from_local_midnight(tmp_path: Path) -> None:
    got = frames(video(tmp_path / "x.avi"))
    assert [f.source_s for f in got] == pytest.approx([n / 10 for n in range(10)])
    midnight = datetime.combine(date.today(), datetime.min.time()).astimezone()
    assert got[0].time == midnight
    assert (got[7].time - midnight).total_seconds() == pytest.approx(0.7, abs=1e-3)
    assert [round(float(f.gray.mean()) / 20) for f in got] == list(range(10))
    assert all(f.gray.shape == (48, 64) and f.gray.dtype == np.uint8 for f in got)
    assert all(f.clock_ok for f in got)


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


def test_a_stop_ends_a_paced_file_at_once(tmp_path: Path) -> None:
    stop = threading.Event()
    with closing(
        open_frames(Camera(source=str(video(tmp_path / "x.avi", fps=0.1))), stop, realtime=True)
    ) as paced:
        next(paced)
        threading.Timer(0.05, stop.set).start()  # while the next frame is ten seconds away
        assert list(paced) == []
    assert stop.is_set()


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


def test_a_source_in_the_home_directory_may_be_written_with_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    video(tmp_path / "x.avi")
    assert len(frames("~/x.avi")) == 10
    with pytest.raises(ConfigError, match="no such home directory"):
        frames("~no-such-user/x.avi")


def test_a_folder_that_happens_to_be_called_auto_or_0_is_not_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("auto", "picamera2", "0"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert not any(map(is_file, ("auto", "picamera2", "0")))
    assert is_file("./auto")


# Cameras


class Device:
    """Stands for `cv2.VideoCapture` on a camera: gives what the test puts in, blocks otherwise.

    None is a read that fails, as after unplugging.
    """

    def __init__(self) -> None:
        self.pictures: queue.Queue[ByteArray | None] = queue.Queue()
        self.opens, self.taken, self.released = True, 0, threading.Event()
        self.settings: dict[int, float] = {}
        self.asked: tuple[object, ...] = ()
        self.sends = "BGR3"
        self.size = 64, 48

    def __call__(self, *asked: object) -> Device:
        self.asked = asked
        return self

    def isOpened(self) -> bool:
        return self.opens

    def set(self, key: int, value: float) -> bool:
        self.settings[key] = value
        return True

    def get(self, key: int) -> float:
        return {
            cv2.CAP_PROP_FOURCC: float(int.from_bytes(self.sends.encode(), "little")),
            cv2.CAP_PROP_FRAME_WIDTH: self.size[0],
            cv2.CAP_PROP_FRAME_HEIGHT: self.size[1],
        }[key]

    def read(self) -> tuple[bool, ByteArray | None]:
        picture = self.pictures.get()
        self.taken += 1
        return picture is not None, picture

    def release(self) -> None:
        assert not self.released.is_set()
        self.released.set()


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    made = Device()
    monkeypatch.setattr(cv2, "VideoCapture", made)
    yield made
    made.pictures.put(None)  # no thread waits for ever


def pull(device: Device) -> None:
    """From now on every read fails at once."""
    device.read = lambda: (False, None)  # type: ignore[method-assign]
    device.pictures.put(None)


@pytest.fixture
def live(device: Device) -> Iterator[Callable[..., Iterator[Frame]]]:
    """Opens the fake camera; /dev/null stands for its node."""
    opened = []

    def start(stop: threading.Event | None = None, source: str = "/dev/null") -> Iterator[Frame]:
        settings = Camera(source=source, width=320, height=240, fps=10)
        opened.append(open_frames(settings, stop or threading.Event()))
        return opened[-1]

    yield start
    device.pictures.put(None)
    for generator in opened:
        generator.close()


def picture(value: int) -> ByteArray:
    return np.full((48, 64, 3), value, np.uint8)


def test_a_camera_is_asked_for_the_configured_size_and_rate(
    device: Device, live: Callable[..., Iterator[Frame]]
) -> None:
    device.pictures.put(picture(7))
    assert next(live()).gray.shape == (48, 64)
    assert device.asked == ("/dev/null", cv2.CAP_V4L2)
    assert device.settings[cv2.CAP_PROP_FRAME_WIDTH] == 320
    assert device.settings[cv2.CAP_PROP_FRAME_HEIGHT] == 240
    assert device.settings[cv2.CAP_PROP_FPS] == 10


def test_the_newest_picture_wins_over_those_that_waited(
    device: Device, live: Callable[..., Iterator[Frame]]
) -> None:
    frames = live()
    device.pictures.put(picture(1))
    assert next(frames).gray[0, 0] == 1
    for value in range(2, 10):  # while the loop is busy with the first
        device.pictures.put(picture(value))
    wait_for(lambda: device.taken == 9, "the reader to drain the queue")
    latest = next(frames)
    assert (latest.gray[0, 0], latest.skipped) == (9, 7)
    device.pictures.put(picture(10))
    assert next(frames).skipped == 0


def test_frames_of_a_camera_have_the_clocks_times(
    device: Device, live: Callable[..., Iterator[Frame]]
) -> None:
    device.pictures.put(picture(1))
    frame = next(live())
    assert abs((datetime.now().astimezone() - frame.time).total_seconds()) < 5
    assert frame.time.utcoffset() is not None
    assert frame.source_s == frame.monotonic_s
    assert 0 <= time.monotonic() - frame.monotonic_s < 5


def test_a_camera_that_is_unplugged_ends_in_one_line(
    device: Device,
    live: Callable[..., Iterator[Frame]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(camera, "STALLED_S", 0.5)
    frames = live()
    device.pictures.put(picture(1))
    next(frames)
    pull(device)
    with pytest.raises(
        CameraError, match=r"/dev/null: no picture for .* unplugged or sends no more"
    ):
        next(frames)
    assert device.released.is_set()


def test_a_camera_whose_node_vanishes_ends_at_once(
    device: Device, live: Callable[..., Iterator[Frame]]
) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        node = f"{folder}/video0"
        os.mkfifo(node)
        frames = live(source=node)
        device.pictures.put(picture(1))
        next(frames)
    with pytest.raises(CameraError, match=r"/dev/shm/.*: the camera was unplugged"):
        next(frames)


def test_a_read_that_fails_is_tried_again(
    device: Device, live: Callable[..., Iterator[Frame]]
) -> None:
    frames = live()
    for value in (1, None, None, 2):
        device.pictures.put(None if value is None else picture(value))
        if value is not None:
            assert next(frames).gray[0, 0] == value


def test_a_camera_that_stalls_is_spoken_of_and_goes_on_when_it_is_back(
    device: Device,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("edge.patience.SILENT_S", 0.5)
    turns = 0

    def meanwhile() -> None:
        nonlocal turns
        turns += 1
        if turns == 2:
            device.pictures.put(picture(2))

    settings = Camera(source="/dev/null", fps=100)
    with closing(open_frames(settings, threading.Event(), meanwhile=meanwhile)) as frames:
        device.pictures.put(picture(1))
        next(frames)
        assert next(frames).gray[0, 0] == 2
        device.pictures.put(picture(3))
        assert next(frames).gray[0, 0] == 3
        device.pictures.put(None)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert re.fullmatch(r"/dev/null: no picture for 0\.\d s; check its cable", said[0])
    assert said[1].startswith("/dev/null: pictures again after 0.")


def test_a_stall_is_spoken_of_within_three_seconds() -> None:
    said = patience.SILENT_S + webcam._GLANCE_S
    assert max(said, patience.SILENT_S + picamera._GLANCE_S) < 3
    assert camera.STALLED_S > 3


def test_a_camera_that_stalls_ends_in_one_line_and_is_not_released_under_its_read(
    device: Device,
    live: Callable[..., Iterator[Frame]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(camera, "STALLED_S", 0.5)
    frames = live()
    device.pictures.put(picture(1))
    next(frames)
    with pytest.raises(CameraError, match="/dev/null: no picture for"):
        next(frames)
    assert not device.released.is_set()


def test_a_stop_ends_the_frames_though_no_picture_comes(
    device: Device, live: Callable[..., Iterator[Frame]]
) -> None:
    stop = threading.Event()
    frames = live(stop)
    device.pictures.put(picture(1))
    next(frames)
    stop.set()
    assert list(frames) == []


def test_closing_the_frames_frees_the_camera(
    device: Device, live: Callable[..., Iterator[Frame]]
) -> None:
    frames = live()
    device.pictures.put(picture(1))
    next(frames)
    device.pictures.put(picture(2))
    frames.close()  # type: ignore[attr-defined]
    assert device.released.is_set()


def test_a_busy_camera_is_refused(device: Device, live: Callable[..., Iterator[Frame]]) -> None:
    device.opens = False
    with pytest.raises(CameraError, match="/dev/null: cannot open the camera; another program"):
        next(live())


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("/dev/video63", "/dev/video63: no such camera"),
        ("63", "/dev/video63: no such camera"),
        ("nowhere.mp4", "nowhere.mp4: no such file, folder or camera"),
    ],
)
def test_a_camera_that_is_not_there_is_named(source: str, said: str) -> None:
    with pytest.raises(CameraError, match=said):
        frames(source)


@pytest.mark.parametrize("sends", ["MJPG", "JPEG", "YUYV", "GREY", "BGR3"])
def test_a_camera_is_read_in_gray_whatever_it_sends(
    device: Device, live: Callable[..., Iterator[Frame]], sends: str
) -> None:
    device.sends = sends
    ramp = np.linspace(0, 255, 64).round().astype(np.uint8)
    wanted = np.tile(ramp, (48, 1))
    narrow = (wanted * (219 / 255) + 16).round().astype(np.uint8)  # a video camera's range
    jpeg = cv2.imencode(".jpg", cv2.merge([wanted] * 3), [cv2.IMWRITE_JPEG_QUALITY, 100])[1]
    raw = {
        "YUYV": np.dstack([narrow, np.full_like(narrow, 128)]),
        "GREY": wanted,
        "BGR3": cv2.merge([wanted] * 3),
    }.get(sends, np.pad(jpeg.reshape(1, -1), ((0, 0), (0, 5000))))  # the driver's whole buffer
    device.pictures.put(np.asarray(raw, np.uint8))
    device.pictures.put(np.asarray(raw, np.uint8))
    got = next(live()).gray
    assert got.shape == (48, 64)
    assert np.abs(got.astype(int) - wanted).max() <= 2
    converted = device.settings.get(cv2.CAP_PROP_CONVERT_RGB, 1)
    assert converted == (1 if sends == "BGR3" else 0)


@pytest.mark.parametrize("raw", [np.zeros((1, 5000), np.uint8), np.zeros((48, 60, 2), np.uint8)])
def test_a_camera_whose_own_format_we_cannot_read_is_read_in_colour(
    device: Device, live: Callable[..., Iterator[Frame]], raw: ByteArray
) -> None:
    device.sends = "MJPG"
    for _ in range(3):
        device.pictures.put(raw)
    device.pictures.put(picture(9))
    assert next(live()).gray[0, 0] == 9
    assert device.settings[cv2.CAP_PROP_CONVERT_RGB] == 1


def test_a_picture_torn_on_its_way_is_passed_over(
    device: Device, live: Callable[..., Iterator[Frame]]
) -> None:
    device.sends = "MJPG"
    jpegs = [cv2.imencode(".jpg", picture(value))[1].reshape(1, -1) for value in (50, 90)]
    for jpeg in (jpegs[0], jpegs[0]):  # the first is for trying
        device.pictures.put(np.asarray(jpeg, np.uint8))
    frames = live()
    assert abs(int(next(frames).gray[0, 0]) - 50) < 3
    device.pictures.put(np.asarray(jpegs[0][:, 100:], np.uint8))
    threading.Timer(0.4, device.pictures.put, [np.asarray(jpegs[1], np.uint8)]).start()
    assert abs(int(next(frames).gray[0, 0]) - 90) < 3


def test_a_camera_that_sends_nothing_but_damage_is_given_up(
    device: Device,
    live: Callable[..., Iterator[Frame]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(camera, "STALLED_S", 0.5)
    device.sends = "MJPG"
    jpeg = np.asarray(cv2.imencode(".jpg", picture(50))[1].reshape(1, -1), np.uint8)
    for _ in range(2):
        device.pictures.put(jpeg)
    frames = live()
    next(frames)

    def damaged() -> tuple[bool, ByteArray]:
        time.sleep(0.02)
        return True, jpeg[:, 100:]

    monkeypatch.setattr(device, "read", damaged)
    device.pictures.put(jpeg[:, 100:])
    with pytest.raises(CameraError, match=r"no picture for . s; what it sends is damaged"):
        next(frames)


def test_a_jpeg_video_decoded_to_gray_shows_what_it_shows_in_colour(tmp_path: Path) -> None:
    path = video(tmp_path / "x.avi")
    colour = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    assert gray.is_jpeg(colour)
    for frame in frames(path):
        expected = cv2.cvtColor(colour.read()[1], cv2.COLOR_BGR2GRAY)
        assert np.abs(frame.gray.astype(int) - expected).max() <= 3


def test_a_rest_is_passed_over_as_a_camera_would_but_no_other_delay(tmp_path: Path) -> None:
    path = video(tmp_path / "x.avi", count=12)
    settings, slow_s = Camera(source=str(path)), iter([0.45] + 20 * [0.0])

    def rest() -> float:
        passed_s = next(slow_s)
        time.sleep(passed_s)
        return passed_s

    got = list(open_frames(settings, threading.Event(), realtime=True, rest=rest))
    assert [f.skipped for f in got][:3] == [0, 3, 0]
    assert len(got) == 9
    late = []
    for frame in open_frames(settings, threading.Event(), realtime=True):
        late.append(frame)
        time.sleep(0.15)
    assert len(late) == 12


def test_a_file_at_full_speed_never_rests(tmp_path: Path) -> None:
    def rest() -> float:
        raise AssertionError("it must not be asked")

    settings = Camera(source=str(video(tmp_path / "x.avi")))
    assert len(list(open_frames(settings, threading.Event(), rest=rest))) == 10


def test_a_stop_while_a_stream_is_being_opened_ends_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        stop = threading.Event()
        threading.Timer(0.3, stop.set).start()
        settings = Camera(source=f"http://127.0.0.1:{silent.getsockname()[1]}/stream.mjpg")
        began_s = time.monotonic()
        assert list(open_frames(settings, stop)) == []
        assert time.monotonic() - began_s < 2


def test_a_stream_that_cannot_be_opened_is_named_without_its_password() -> None:
    with pytest.raises(CameraError) as refused:
        frames("rtsp://me:secret@127.0.0.1:9/stream")
    assert str(refused.value).startswith("rtsp://127.0.0.1:9/stream: cannot open the stream")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("password", ["secret", "with@at", ""])
def test_check_prints_a_stream_without_its_password(
    device: Device, tmp_path: Path, password: str
) -> None:
    device.pictures.put(picture(5))
    source = f"rtsp://me:{password}@host:554/live/2"
    parts = check(Config(camera=Camera(source=source), log=Log(directory=str(tmp_path))))
    (said,) = [result.text for result in parts if result.part == "camera"]
    assert said == "rtsp://host:554/live/2: a picture of 64x48"


def test_auto_takes_the_first_node_that_gives_a_picture(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Pi has many video nodes that are no cameras."""
    nodes = [tmp_path / f"video{n}" for n in (0, 2, 10)]
    for node in nodes:
        node.touch()
    monkeypatch.setattr(webcam, "DEVICES", tmp_path)
    monkeypatch.setattr(camera.picamera, "present", lambda: False)
    device.pictures.put(None)
    device.pictures.put(picture(5))
    device.pictures.put(picture(6))
    device.released = Countdown(1)  # type: ignore[assignment]
    with closing(open_frames(Camera(source="auto"), threading.Event())) as found:
        assert next(found).gray[0, 0] == 6
        assert device.asked[0] == str(nodes[1])


class Countdown(threading.Event):
    """Lets the first `more` releases pass: those of nodes that gave no picture."""

    def __init__(self, more: int) -> None:
        super().__init__()
        self._more = more

    def set(self) -> None:
        if self._more:
            self._more -= 1
        else:
            super().set()
