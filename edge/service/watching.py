"""When to watch: one generator between the source and the loop.

Everything that ends, delays or interrupts watching is a condition in `watch`, and nothing else
holds the source: to pause is to close it, and to call `open_source` again later. Whether to pause
is decided in `pausing`.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from edge.camera.source import Frames, Waiting, opens_again
from edge.config.pause import Reason
from edge.faces.detector import Detector
from edge.records import Frame
from edge.service import thermal
from edge.service.governor import Governor
from edge.service.pausing import Pauses

#: Interval between temperature readings.
_TEMPERATURE_S = 10.0
#: How soon a pause ends when its last reason does.
_PAUSED_S = 0.25


@dataclass(frozen=True)
class Conditions:
    """What ends or interrupts watching: `until_reload` returns whether a reload is to take over."""

    stop: threading.Event
    pauses: Pauses = field(default_factory=Pauses)
    until_reload: Callable[[], bool] = lambda: False
    restart: threading.Event = field(default_factory=threading.Event)
    """Set to have the camera closed and opened again; a file is none."""
    afresh: threading.Event = field(default_factory=threading.Event)
    """Set where only another process can open the camera again: this one is to make way for it."""


def watch(
    open_source: Callable[[], Frames],
    conditions: Conditions,
    *,
    throttle: Callable[[], float],
    on_silence: Callable[[], None],
    on_pause: Callable[[tuple[Reason, ...], tuple[Reason, ...]], None],
    on_opening: Callable[[], None] = lambda: None,
    keep_open: bool = False,
) -> Generator[Frame, None, None]:
    """Yield the frames to work on, until the source ends or a condition says so.

    While there is a reason for a pause the source is closed, unless `keep_open`, and `on_pause` is
    called several times a second with the reasons and those before, and once when it is over. So is
    `on_opening` while there is no picture yet, and `on_silence` while one is overdue: alerts and
    states go on. `throttle` gives the seconds to rest after a frame. A file played at its own pace
    goes on meanwhile, as a camera does: frames that were over by then count as skipped. Whether to
    reload is asked after every frame, and while there is none. Where this process cannot open the
    camera again, `afresh` is set and it ends. Raises what the source raises.
    """
    frames, before, closed = None, conditions.pauses.latest, False
    with ExitStack() as opened:
        while not conditions.stop.is_set():
            reasons = conditions.pauses.reasons()
            if (reasons or conditions.restart.is_set()) and frames and not keep_open:
                opened.close()
                frames, closed = None, True
            conditions.restart.clear()
            if reasons or before:
                on_pause(reasons, before)
            before = reasons
            if reasons:
                if conditions.until_reload() or conditions.stop.wait(_PAUSED_S):
                    return
                continue
            if closed and not opens_again():
                conditions.afresh.set()
                return
            frames = frames or opened.enter_context(closing(open_source()))
            interrupted = yield from _until_interrupted(
                frames, conditions, throttle, on_opening, on_silence
            )
            if not interrupted:
                return


def _until_interrupted(
    frames: Frames,
    conditions: Conditions,
    throttle: Callable[[], float],
    on_opening: Callable[[], None],
    on_silence: Callable[[], None],
) -> Generator[Frame, None, bool]:
    """Yield the frames to work on; return whether to go on later, False at the end."""
    resume_s, before_s, skipped, opening = -math.inf, 0.0, 0, True
    for frame in frames:
        if conditions.stop.is_set():
            return False
        if isinstance(frame, Waiting):
            if frame.silent:
                on_silence()
            elif opening:
                on_opening()
            if conditions.until_reload():
                return False
        else:
            opening = False
            interval_s, before_s = frame.source_s - before_s, frame.source_s
            if frame.source_s + interval_s <= resume_s:
                skipped += 1
                continue
            yield dataclasses.replace(frame, skipped=frame.skipped + skipped) if skipped else frame
            if conditions.until_reload():
                return False
            wait_s, skipped = throttle(), 0
            resume_s = frame.source_s + wait_s
            if conditions.stop.wait(wait_s):
                return False
        if conditions.pauses.reasons() or conditions.restart.is_set():
            return True
    return False


def throttle_by(governor: Governor, detector: Detector) -> Callable[[], float]:
    """Return a `throttle` for `watch` that asks `governor`.

    It thins out `detector`'s scans.
    """
    temperature_at_s = -math.inf

    def throttle() -> float:
        nonlocal temperature_at_s
        now_s = time.monotonic()
        if now_s >= temperature_at_s:
            temperature_at_s = now_s + _TEMPERATURE_S
            governor.update_temperature(thermal.read())
        loop_s = time.thread_time()
        others_s = time.process_time() - loop_s
        wait_s = governor.wait_s(loop_s, others_s, now_s, idle=detector.idle)
        detector.scan_every = governor.scan_every
        return wait_s

    return throttle
