"""A camera on the network, through the real FFmpeg: its pictures, its silence, its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import cv2
import numpy as np
import pytest

from edge.camera import luma
from edge.camera.source import open_frames, pictures_only
from edge.config.schema import CameraConfig
from edge.errors import CameraError
from edge.records import Frame
from tests.systems.stream import Stream, pictures


@pytest.fixture
def stream() -> Iterator[Stream]:
    with Stream() as made:
        yield made


@pytest.fixture
def frames(stream: Stream) -> Iterator[Iterator[Frame]]:
    with closing(open_frames(CameraConfig(source=stream.url))) as opened:
        yield pictures_only(opened)


def test_its_jpegs_are_decoded_to_gray_and_only_those_that_are_looked_at(
    stream: Stream, frames: Iterator[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    real = luma.luma

    def counted(picture: cv2.typing.MatLike) -> object:
        decoded.append(min(picture.shape))
        return real(picture)

    monkeypatch.setattr(luma, "luma", counted)
    first = next(frames)
    shapes = {cv2.imdecode(np.frombuffer(jpeg, np.uint8), 0).shape for jpeg in pictures()[:1]}
    assert {first.gray.shape} == shapes
    time.sleep(1.0)
    late = next(frames)
    assert late.skipped >= 5, "it plays fifteen a second"
    assert decoded == [1] * len(decoded), "JPEGs"
    assert len(decoded) <= 4, "one to see whether that works, and those that were taken"


@pytest.mark.slow
def test_its_silence_is_said_and_its_pictures_are_taken_again(
    stream: Stream, frames: Iterator[Frame], caplog: pytest.LogCaptureFixture
) -> None:
    next(frames)
    stream.silent = True
    began_s = time.monotonic()
    threading.Timer(3.0, setattr, [stream, "silent", False]).start()
    while time.monotonic() < began_s + 3.5:
        next(frames)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2, said
    assert ": no picture for 2." in said[0]
    assert ": pictures again after " in said[1]


def test_a_damaged_picture_is_passed_over(stream: Stream, frames: Iterator[Frame]) -> None:
    for odd in (b"\xff\xd8\xff no jpeg at all", pictures()[3][:500], b"\xff\xd8\xff\xd9"):
        next(frames)
        stream.odd = odd
        for _ in range(5):
            assert next(frames).gray.shape[0] > 100


def test_its_end_is_given_time_and_then_ends_the_run(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.camera.source.STALLED_S", 1.0)
    with closing(open_frames(CameraConfig(source=stream.url))) as frames:
        next(pictures_only(frames))
        stream.absent = True
        with pytest.raises(
            CameraError, match=r"no picture for 1 s; it was unplugged or stopped sending"
        ):
            for _ in frames:
                pass


def test_one_that_refuses_is_one_line(stream: Stream) -> None:
    stream.absent = True
    with pytest.raises(CameraError, match="cannot open the stream; check address and camera"):
        list(open_frames(CameraConfig(source=stream.url)))


def test_where_its_jpegs_cannot_be_taken_as_they_are_it_is_read_in_colour(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.camera.luma.request_jpegs", lambda _: False)
    with closing(open_frames(CameraConfig(source=stream.url))) as frames:
        assert next(pictures_only(frames)).gray.ndim == 2


# Slower than most


@pytest.mark.slow
def test_a_stream_slower_than_the_time_limit_of_a_read_goes_on(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.camera.opencv._STREAM_READ_S", 0.5)
    monkeypatch.setattr("edge.camera.source.STALLED_S", 0.5)
    stream.fps = 1.0
    settings = CameraConfig(source=stream.url, fps=1.0)
    with closing(open_frames(settings)) as frames:
        came_s = [next(pictures_only(frames)).source_s for _ in range(4)]
    assert 1.5 < came_s[-1] - came_s[0] < 5
