"""The governor in the real loop, at a stand-in for a camera that gives 30 pictures a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import daemon, stats
from edge.config import Camera, Config, Log, Mood, Performance
from edge.records import ByteArray, Frame, Reading
from edge.systemd import Notifier
from tests.house import CLIP

FPS = 30.0
Picture = Callable[[int], ByteArray]


class Camera30:
    """What `cv2.VideoCapture` is for a camera; `picture` makes the n-th one."""

    def __init__(self, picture: Picture) -> None:
        self._picture, self._numbers, self._began_s = picture, count(), time.monotonic()

    def __call__(self, *_: object) -> Camera30:
        self._began_s = time.monotonic()
        return self

    def isOpened(self) -> bool:
        return True

    def set(self, *_: object) -> bool:
        return True

    def get(self, _: int) -> float:
        return 0.0

    def read(self) -> tuple[bool, ByteArray]:
        number = next(self._numbers)
        time.sleep(max(0.0, self._began_s + number / FPS - time.monotonic()))
        return True, self._picture(number)

    def release(self) -> None:
        pass


class Seen:
    """Frames that reach the loop, and what each costs on top."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.cost_s = 0.0

    def __call__(self, frames: Iterable[Frame]) -> Iterable[Frame]:
        for frame in frames:
            self.frames.append(frame)
            yield frame
            until_s = time.thread_time() + self.cost_s
            while time.thread_time() < until_s:
                pass

    def rate(self, from_s: float, to_s: float) -> float:
        began_s = self.frames[0].monotonic_s
        within = [f for f in self.frames if from_s <= f.monotonic_s - began_s < to_s]
        return len(within) / (to_s - from_s)


@pytest.fixture
def watch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[Picture, Seen, float, float], list[Reading]]:
    """Runs the service on a picture source for so many seconds with a budget."""

    def run(picture: Picture, seen: Seen, budget: float, seconds: float) -> list[Reading]:
        capture = Camera30(picture)
        monkeypatch.setattr("edge.webcam.cv2.VideoCapture", capture)
        config = Config(
            camera=Camera(source="/dev/null", fps=FPS),
            log=Log(directory=str(tmp_path)),
            mood=Mood(reading_interval_s=0.2),
            performance=Performance(cpu_budget=budget),
        )
        stop, readings = threading.Event(), []
        threading.Timer(seconds, stop.set).start()
        daemon.serve(config, stop, Notifier(""), listener=readings.extend, heed=seen)
        return readings

    return run


Watch = Callable[[Picture, Seen, float, float], list[Reading]]


@pytest.fixture(scope="module")
def clip() -> list[ByteArray]:
    """The packaged clip's first second, over and over: a face that is always there."""
    capture = cv2.VideoCapture(str(CLIP))
    pictures = [capture.read()[1] for _ in range(15)]
    capture.release()
    return [np.asarray(picture, np.uint8) for picture in pictures + pictures[::-1]]


def test_a_loop_that_is_too_dear_keeps_to_its_budget_with_the_newest_frames(
    clip: list[ByteArray], watch: Watch
) -> None:
    seen = Seen()
    seen.cost_s = 0.05  # more than a core at 30 frames a second
    cpu_s: list[tuple[float, float]] = []

    def picture(number: int) -> ByteArray:
        cpu_s.append((time.monotonic(), time.process_time()))
        return clip[number % len(clip)]

    assert watch(picture, seen, 0.3, 10.0)
    from_s = seen.frames[1].monotonic_s  # what starting cost is not counted
    spent = [cpu for at_s, cpu in cpu_s if at_s >= from_s]
    passed_s = cpu_s[-1][0] - from_s
    share = (spent[-1] - spent[0]) / passed_s
    dropped = sum(frame.skipped for frame in seen.frames)
    print(f"share {share:.3f} of 0.3, {dropped} of {len(cpu_s)} pictures dropped")
    # Two seconds' worth may be borrowed once, and a frame costs what it costs.
    assert share * passed_s < 0.3 * (passed_s + 2.0) + 3 * seen.cost_s
    assert dropped > 0.2 * len(cpu_s)
    assert dropped + len(seen.frames) == pytest.approx(len(cpu_s), abs=10), "each is accounted for"


def test_within_the_budget_nothing_is_dropped(clip: list[ByteArray], watch: Watch) -> None:
    seen = Seen()
    assert watch(lambda number: clip[number % len(clip)], seen, 1.0, 4.0)
    later = seen.frames[len(seen.frames) // 2 :]
    assert sum(frame.skipped for frame in later) <= 0.1 * len(later), "but for a busy machine"


def test_an_empty_room_costs_a_few_frames_a_second_and_a_face_is_read_at_once(
    clip: list[ByteArray], watch: Watch
) -> None:
    seen, appears_s = Seen(), 6.0
    empty = np.full_like(clip[0], 90)
    came: list[float] = []

    def picture(number: int) -> ByteArray:
        if number < appears_s * FPS:
            return empty
        came.append(time.monotonic())
        return clip[number % len(clip)]

    readings = watch(picture, seen, 0.5, 9.0)
    rate = seen.rate(3.0, appears_s - 0.5)
    wait_s = readings[0].source_s - came[0]
    print(f"{rate:.1f} frames/s while empty, first reading {wait_s:.2f} s after the face came")
    assert 2 <= rate <= 6
    assert wait_s < 1.5
    assert seen.rate(appears_s + 1.5, 8.5) > 2.5 * rate


def test_the_process_reports_its_memory() -> None:
    assert 20 < stats.rss_mb() < 4000
