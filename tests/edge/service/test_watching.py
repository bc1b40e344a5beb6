"""When the loop gets a frame, and when it is told that there is none."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from edge.camera.source import Frames, Waiting, open_frames
from edge.clock import LiveClock
from edge.config.pause import Reason
from edge.config.schema import CameraConfig
from edge.records import Frame
from edge.service.pausing import Pauses
from edge.service.watching import Conditions, watch
from tests.support.videos import video

GRAY = np.zeros((48, 64), np.uint8)
Reasons: TypeAlias = tuple[Reason, ...]


class Source:
    """Gives what the test names: a frame, or a moment without one; and knows whether it is open."""

    def __init__(self, *items: bool | None) -> None:
        """True: a frame; False: none, which is overdue; None: none yet."""
        self._items = items
        self.opened = self.closed = 0

    def __call__(self) -> Frames:
        self.opened += 1
        clock = LiveClock()
        try:
            for item in self._items:
                yield clock.frame(GRAY) if item else Waiting(silent=item is not None)
        finally:
            self.closed += 1


def watched(
    source: Callable[[], Frames],
    stop: threading.Event | None = None,
    throttle: Callable[[], float] = lambda: 0.0,
    on_silence: Callable[[], None] = lambda: None,
    until_reload: Callable[[], bool] = lambda: False,
    pauses: Pauses | None = None,
    on_pause: Callable[[Reasons, Reasons], None] = lambda *_: None,
    on_opening: Callable[[], None] = lambda: None,
    keep_open: bool = False,
) -> list[Frame]:
    conditions = Conditions(stop or threading.Event(), pauses or Pauses(), until_reload)
    return list(
        watch(
            source,
            conditions,
            throttle=throttle,
            on_silence=on_silence,
            on_pause=on_pause,
            on_opening=on_opening,
            keep_open=keep_open,
        )
    )


def test_every_frame_of_a_source_is_worked_on_and_the_source_closed() -> None:
    source = Source(True, None, True, True)
    assert len(watched(source)) == 3
    assert (source.opened, source.closed) == (1, 1)


def test_an_overdue_picture_is_told_each_time_and_one_that_is_not_due_never() -> None:
    told: list[str] = []
    source = Source(None, True, False, False, True, None)
    watched(
        source,
        on_opening=lambda: told.append("opening"),
        on_silence=lambda: told.append("silence"),
    )
    assert told == ["opening", "silence", "silence"]


def test_a_stop_ends_it_while_the_camera_is_silent() -> None:
    stop = threading.Event()
    source = Source(True, *[False] * 10, True)
    assert len(watched(source, stop, on_silence=stop.set)) == 1
    assert source.closed


def test_a_stop_ends_it_while_the_next_frame_of_a_paced_file_is_far_away(tmp_path: Path) -> None:
    settings = CameraConfig(source=str(video(tmp_path / "x.avi", fps=0.1)))
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    began_s = time.monotonic()
    assert len(watched(lambda: open_frames(settings, realtime=True), stop)) == 1
    assert time.monotonic() - began_s < 2


def test_a_stop_ends_a_rest_at_once() -> None:
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    began_s = time.monotonic()
    assert len(watched(Source(True, True), stop, throttle=lambda: 10.0)) == 1
    assert time.monotonic() - began_s < 2


def test_it_ends_for_a_reload_after_the_frame_and_closes_the_source() -> None:
    source, answers = Source(True, True, True), iter([False, True])
    assert len(watched(source, until_reload=lambda: next(answers))) == 2
    assert source.closed


def test_it_ends_for_a_reload_while_the_camera_is_silent() -> None:
    """Another source may be what the new configuration is about."""
    source, answers = Source(True, False, False, True), iter([False, False, True])
    assert len(watched(source, until_reload=lambda: next(answers))) == 1


def test_whoever_leaves_closes_the_source() -> None:
    source = Source(True, True)
    frames = watch(
        source,
        Conditions(threading.Event()),
        throttle=lambda: 0.0,
        on_silence=lambda: None,
        on_pause=lambda *_: None,
    )
    with closing(frames):
        next(frames)
        assert not source.closed
    assert source.closed


def test_a_paced_file_goes_on_during_a_rest_as_a_camera_does(tmp_path: Path) -> None:
    settings = CameraConfig(source=str(video(tmp_path / "x.avi", count=12)))
    rests_s = iter([0.45] + 20 * [0.0])
    got = watched(lambda: open_frames(settings, realtime=True), throttle=lambda: next(rests_s))
    assert [f.skipped for f in got][:3] == [0, 3, 0]
    assert [round(f.source_s, 1) for f in got][:3] == [0.0, 0.4, 0.5]
    assert len(got) == 9


def test_a_camera_counts_what_it_skipped_itself() -> None:
    rests_s = iter([0.2, 0.0, 0.0])
    got = watched(Source(True, True, True), throttle=lambda: next(rests_s))
    assert [frame.skipped for frame in got] == [0, 0, 0]


def test_a_pause_closes_the_camera_and_its_end_opens_it_again() -> None:
    source, pauses, told = Source(True, True, True), Pauses(), list[object]()

    def rested() -> float:
        if not told:
            pauses.watch(on=False)
        return 0.0

    def paused(reasons: Reasons, before: Reasons) -> None:
        told.append((reasons, before, source.opened - source.closed))
        if len(told) == 2:
            pauses.watch(on=True)

    got = watched(source, throttle=rested, pauses=pauses, on_pause=paused)
    mqtt = (Reason.MQTT,)
    assert told == [(mqtt, (), 0), (mqtt, mqtt, 0), ((), mqtt, 0)], "closed before it is said"
    assert (source.opened, source.closed, len(got)) == (2, 2, 4)


def test_a_silent_camera_is_closed_by_a_pause_too() -> None:
    source, pauses, told = Source(True, False, False, False), Pauses(), list[object]()
    stop = threading.Event()

    def paused(*_: object) -> None:
        told.append(source.closed)
        stop.set()

    silence = lambda: pauses.watch(on=False)  # noqa: E731
    watched(source, stop, on_silence=silence, pauses=pauses, on_pause=paused)
    assert told == [1]


def test_a_start_in_a_pause_opens_nothing_until_it_ends() -> None:
    source, pauses = Source(True), Pauses()
    pauses.watch(on=False)
    opened: list[int] = []

    def paused(*_: object) -> None:
        opened.append(source.opened)
        pauses.watch(on=True)

    assert len(watched(source, pauses=pauses, on_pause=paused)) == 1
    assert opened == [0, 0]


def test_a_file_continues_where_the_pause_began() -> None:
    source, pauses = Source(*[True] * 5), Pauses()
    rests = itertools.count()

    def rested() -> float:
        if next(rests) == 1:
            pauses.watch(on=False)
        return 0.0

    got = watched(
        source,
        throttle=rested,
        pauses=pauses,
        on_pause=lambda *_: pauses.watch(on=True),
        keep_open=True,
    )
    assert (source.opened, source.closed, len(got)) == (1, 1, 5)


def test_a_paced_file_has_its_own_pace_and_the_real_time_after_a_pause(tmp_path: Path) -> None:
    settings = CameraConfig(source=str(video(tmp_path / "x.avi", count=6)))
    pauses, began = Pauses(), list[float]()

    def rested() -> float:
        if not began:
            pauses.watch(on=False)
        return 0.0

    def paused(*_: object) -> None:
        began.append(time.monotonic())
        if began[-1] - began[0] > 1.0:
            pauses.watch(on=True)

    opening = partial(open_frames, settings, realtime=True, paused_s=pauses.total_s)
    got = watched(opening, throttle=rested, pauses=pauses, on_pause=paused, keep_open=True)
    assert [round(frame.source_s, 1) for frame in got] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert (got[1].time - got[0].time).total_seconds() > 1.0
    assert got[-1].monotonic_s - got[1].monotonic_s > 0.3, "not all at once"


@pytest.mark.parametrize("ends", ["stop", "reload"])
def test_a_pause_ends_for_a_stop_and_for_a_reload(ends: str) -> None:
    source, pauses, stop = Source(True), Pauses(), threading.Event()
    pauses.watch(on=False)

    def on_pause(*_: object) -> None:
        if ends == "stop":
            stop.set()

    reload = lambda: ends == "reload"  # noqa: E731
    assert not watched(source, stop, until_reload=reload, pauses=pauses, on_pause=on_pause)
    assert not source.opened


def test_where_only_another_process_can_open_the_camera_again_it_makes_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", sys)
    source, stop = Source(*[True] * 5), threading.Event()
    conditions = Conditions(stop)
    frames = watch(
        source,
        conditions,
        throttle=lambda: 0.0,
        on_silence=lambda: None,
        on_pause=lambda *_: None,
    )
    next(frames)
    conditions.restart.set()
    assert list(frames) == []
    assert (source.opened, source.closed) == (1, 1)
    assert conditions.afresh.is_set()


def test_a_restart_of_the_camera_closes_and_opens_it() -> None:
    source, conditions = Source(True, True), Conditions(threading.Event())
    frames = watch(
        source,
        conditions,
        throttle=lambda: 0.0,
        on_silence=lambda: None,
        on_pause=lambda *_: None,
    )
    next(frames)
    conditions.restart.set()
    assert len(list(frames)) == 2
    assert (source.opened, source.closed) == (2, 2)
    assert not conditions.afresh.is_set()
