"""What a source may be, and what is said of one that cannot be used."""

from __future__ import annotations

import socket
import tempfile
import time
from pathlib import Path

import pytest

from edge.camera.source import Waiting, is_file, open_frames, refuse_wrong
from edge.cli.check import check
from edge.config.schema import CameraConfig, Config, DiaryConfig
from edge.errors import CameraError, ConfigError
from edge.redact import redacted
from tests.support.cameras import Device, picture
from tests.support.disks import as_nobody
from tests.support.videos import frames, video


@pytest.mark.parametrize("kind", ["file", "folder", "file below", "folder below"])
def test_what_is_closed_to_us_is_said_so(kind: str) -> None:
    """As systemd's ProtectHome closes every home directory to the service."""
    with tempfile.TemporaryDirectory() as place:  # tmp_path is for its owner only
        Path(place).chmod(0o755)
        home = Path(place) / "home"
        home.mkdir()
        path = video(home / "x.avi") if "file" in kind else home / "pictures"
        if "folder" in kind:
            path.mkdir()
        (home if "below" in kind else path).chmod(0)
        for attempt in (frames, lambda source: refuse_wrong(CameraConfig(source=str(source)))):
            with as_nobody(), pytest.raises(CameraError) as refused:
                attempt(path)
            assert str(refused.value).startswith(
                f"{path}: Permission denied; the service cannot access"
            )
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
    assert redacted(source) == printed


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


def test_a_stream_that_is_being_opened_says_so_and_can_be_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = CameraConfig(source=f"http://127.0.0.1:{silent.getsockname()[1]}/stream.mjpg")
        began_s = time.monotonic()
        frames = open_frames(settings)
        assert next(frames) == next(frames) == Waiting(silent=False)
        frames.close()
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
    config = Config(camera=CameraConfig(source=source), diary=DiaryConfig(directory=tmp_path))
    parts = check(config, None)
    (said,) = [result.text for result in parts if result.part == "camera"]
    assert said == "rtsp://host:554/live/2: a picture of 64x48"
