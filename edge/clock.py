"""Stamp frames: wall time for people, monotonic or media time for every window."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path

from edge.records import ByteArray, Frame

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STA_UNSYNC = 0x0040
_CHECK_CLOCK_S = 10.0


class _Timex(ctypes.Structure):
    """The head of `struct timex` (adjtimex(2)), and room for the rest, which the kernel writes."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def boot_id() -> str:
    """Return the kernel's random name of this boot; the monotonic clock ends with it."""
    return BOOT_ID.read_text(encoding="ascii").strip()


def synchronised() -> bool:
    """Return whether the kernel says that the wall clock is synchronised.

    A Raspberry Pi has no clock battery: until the network has told it the time, its clock goes on
    from the time of the last shutdown.
    """
    timex = _Timex(modes=0)
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
        return True  # unknown, as in some sandboxes: no false alarm
    return not timex.status & _STA_UNSYNC


class LiveClock:
    """Stamp the frames of a camera."""

    def __init__(self) -> None:
        self._ok, self._check_at_s = True, 0.0

    def frame(self, gray: ByteArray, skipped: int = 0) -> Frame:
        """Return `gray` as a frame of this moment, after `skipped` unprocessed ones."""
        now = time.monotonic()
        if now >= self._check_at_s:
            self._ok, self._check_at_s = synchronised(), now + _CHECK_CLOCK_S
        return Frame(gray, datetime.now().astimezone(), now, now, self._ok, skipped)


class MediaClock:
    """Stamp the frames of a file: today's local midnight plus media time, the same every run.

    In `realtime` media time is added to the construction time, and the seconds for which playing
    was `paused_s` so far.
    """

    def __init__(
        self, *, realtime: bool = False, paused_s: Callable[[], float] = lambda: 0.0
    ) -> None:
        midnight = datetime.combine(date.today(), time_of_day.min).astimezone()
        self._zero = datetime.now().astimezone() if realtime else midnight
        self._started_s: float | None = None
        self._paused_s = paused_s if realtime else lambda: 0.0

    def frame(self, gray: ByteArray, media_s: float, *, still: bool = False) -> Frame:
        """Return `gray` as the frame at `media_s` seconds."""
        stamp = self._zero + timedelta(seconds=media_s + self._paused_s())
        return Frame(gray, stamp, media_s, time.monotonic(), still=still)

    def early_s(self, media_s: float) -> float:
        """Return the seconds of real time until `media_s` is due; negative when late.

        Media second 0 is the moment of the first call.
        """
        now_s = time.monotonic() - self._paused_s()
        if self._started_s is None:
            self._started_s = now_s
        return self._started_s + media_s - now_s
