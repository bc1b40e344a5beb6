"""The governor in the real loop, at a stand-in for a camera that gives 30 pictures a second."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.camera.source import Frames, open_frames
from edge.config.schema import (
    CameraConfig,
    Config,
    DiaryConfig,
    MoodConfig,
    MqttConfig,
    PerformanceConfig,
    StateConfig,
)
from edge.records import ByteArray, Frame, Reading
from edge.service import loop
from edge.service.systemd import Notifier
from edge.service.watching import Conditions
from tests.conftest import Mosquitto
from tests.support.mqtt import listening, texts
from tests.support.service import CLIP

FPS = 30.0
Picture = Callable[[int], ByteArray]
Watch = Callable[..., list[Reading]]


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

    def __call__(self, frames: Frames) -> Frames:
        for frame in frames:
            if isinstance(frame, Frame):
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
def watch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Watch:
    """Runs the service on a picture source with a budget for a number of seconds."""

    def run(
        picture: Picture, seen: Seen, budget: float, seconds: float, mqtt: MqttConfig | None = None
    ) -> list[Reading]:
        capture = Camera30(picture)
        monkeypatch.setattr("edge.camera.opencv.cv2.VideoCapture", capture)
        config = Config(
            device="pi",
            camera=CameraConfig(source="/dev/null", fps=FPS),
            diary=DiaryConfig(directory=tmp_path),
            state=StateConfig(directory=tmp_path),
            mqtt=mqtt or MqttConfig(),
            mood=MoodConfig(reading_interval_s=0.2),
            performance=PerformanceConfig(cpu_budget=budget),
        )
        stop = threading.Event()
        readings: list[Reading] = []
        threading.Timer(seconds, stop.set).start()
        monkeypatch.setattr(loop, "open_frames", lambda *a, **k: seen(open_frames(*a, **k)))
        loop.serve(config, Conditions(stop), Notifier(""), listener=readings.extend)
        return readings

    return run


@pytest.fixture(scope="module")
def clip() -> list[ByteArray]:
    """The packaged clip's first second, over and over: a face that is always there."""
    capture = cv2.VideoCapture(str(CLIP))
    pictures = [capture.read()[1] for _ in range(15)]
    capture.release()
    return [np.asarray(picture, np.uint8) for picture in pictures + pictures[::-1]]


@pytest.mark.slow
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
    given = sum(at_s <= seen.frames[-1].monotonic_s for at_s, _ in cpu_s)
    assert dropped + len(seen.frames) == pytest.approx(given, abs=3), "each is accounted for"


@pytest.mark.slow
def test_within_the_budget_nothing_is_dropped(clip: list[ByteArray], watch: Watch) -> None:
    seen = Seen()
    assert watch(lambda number: clip[number % len(clip)], seen, 1.0, 4.0)
    later = seen.frames[len(seen.frames) // 2 :]
    assert sum(frame.skipped for frame in later) <= 0.4 * len(later), "a busy machine drops some"


@pytest.mark.slow
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


@pytest.mark.slow
def test_while_the_camera_is_silent_the_broker_hears_of_it_and_then_of_its_return(
    clip: list[ByteArray], watch: Watch, broker: Mosquitto
) -> None:
    silent_s: list[float] = []

    def picture(number: int) -> ByteArray:
        if number == 60:
            silent_s.append(time.monotonic())
            time.sleep(5.0)
            silent_s.append(time.monotonic())
        return clip[number % len(clip)]

    states: list[tuple[float, dict[str, object]]] = []
    with listening(broker) as subscriber:
        done = threading.Event()

        def look() -> None:
            while not done.wait(0.05):
                for text in texts(subscriber, "state")[len(states) :]:
                    states.append((time.monotonic(), json.loads(text)))

        looking = threading.Thread(target=look)
        looking.start()
        watch(picture, Seen(), 1.0, 11.0, MqttConfig("127.0.0.1", broker.port))
        done.set()
        looking.join()
    during = [(at, s) for at, s in states if silent_s[0] < at < silent_s[1] and not s["faces"]]
    after = [at for at, s in states if at > silent_s[1] and s["faces"]]
    print(f"told {during[0][0] - silent_s[0]:.2f} s after it fell silent,", end=" ")
    print(f"{after[0] - silent_s[1]:.2f} s after it was back")
    assert (during[0][1]["fps"], during[0][1]["emotion"]) == (0.0, "none")
    assert during[0][0] - silent_s[0] < 3.0
    assert after[0] - silent_s[1] < 3.0
