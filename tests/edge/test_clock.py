"""The clocks: who is asked, and how often."""

from __future__ import annotations

import ctypes
import time
from datetime import datetime, timedelta

import numpy as np
import pytest

from edge import clock
from edge.clock import LiveClock, MediaClock, synchronised

GRAY = np.zeros((2, 2), np.uint8)


def test_the_kernels_word_is_read_from_its_right_place() -> None:
    """`status` comes after an int and four longs in `struct timex`."""
    assert clock._Timex.status.offset == 5 * ctypes.sizeof(ctypes.c_long)
    raw = ctypes.create_string_buffer(512)
    if ctypes.CDLL(None).adjtimex(raw) < 0:
        pytest.skip("this sandbox does not tell")
    at = 5 * ctypes.sizeof(ctypes.c_long)
    status = int.from_bytes(raw.raw[at : at + 4], "little")
    assert synchronised() is not bool(status & 0x40)


def test_the_kernel_is_asked_when_the_first_frame_comes_and_then_seldom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []

    def synchronised() -> bool:
        asked.append(True)
        return False

    monkeypatch.setattr(clock, "synchronised", synchronised)
    live = LiveClock()
    frames = [live.frame(GRAY) for _ in range(100)]
    assert len(asked) == 1
    assert not any(frame.clock_ok for frame in frames)


def test_a_file_starts_at_local_midnight_and_counts_real_seconds() -> None:
    media = MediaClock()
    frame = media.frame(GRAY, 90061.5)
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    assert frame.time == midnight + timedelta(days=1, hours=1, minutes=1, seconds=1.5)
    assert frame.time.utcoffset() is not None


def test_a_file_in_real_time_starts_now() -> None:
    before = datetime.now().astimezone()
    media = MediaClock(realtime=True)
    frame = media.frame(GRAY, 1.5)
    after = datetime.now().astimezone()
    assert before <= frame.time - timedelta(seconds=1.5) <= after


def test_how_early_a_frame_is_goes_by_the_machines_clock() -> None:
    before = time.monotonic()
    media = MediaClock()
    early_s = media.early_s(100.0)
    assert 100.0 - (time.monotonic() - before) <= early_s <= 100.0
