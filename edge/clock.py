"""The only reader of the clocks: wall time for stamps, monotonic time for every window."""

from __future__ import annotations

import ctypes
import time
from datetime import date, datetime, timedelta
from datetime import time as time_of_day

from edge.records import ByteArray, Frame

_STA_UNSYNC = 0x0040
_CHECK_CLOCK_S = 10.0


class _Timex(ctypes.Structure):
    """The head of `struct timex` (adjtimex(2)); the rest is room for the kernel to write to."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def synchronised() -> bool:
    """Whether the kernel says that something keeps the wall clock right.

    A Raspberry Pi has no clock battery: until the network has told the time, its clock stands
    where it stood when the power went.
    """
    timex = _Timex(modes=0)
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
        return True  # nobody to ask, as in some sandboxes: do not cry wolf
    return not timex.status & _STA_UNSYNC


class LiveClock:
    """Stamps the frames of a camera."""

    def __init__(self) -> None:
        self._ok, self._ask_again_s = True, 0.0

    def frame(self, gray: ByteArray, skipped: int = 0) -> Frame:
        """`gray` as a frame of this moment, after `skipped` that nobody looked at."""
        now = time.monotonic()
        if now >= self._ask_again_s:
            self._ok, self._ask_again_s = synchronised(), now + _CHECK_CLOCK_S
        return Frame(gray, datetime.now().astimezone(), now, now, self._ok, skipped)


class MediaClock:
    """Stamps the frames of a file: local midnight of today plus media time, the same every run."""

    def __init__(self) -> None:
        self._midnight = datetime.combine(date.today(), time_of_day.min).astimezone()
        self._started_s: float | None = None

    def frame(self, gray: ByteArray, media_s: float, skipped: int = 0) -> Frame:
        """`gray` as the frame at `media_s` seconds, after `skipped` that nobody looked at."""
        stamp = self._midnight + timedelta(seconds=media_s)
        return Frame(gray, stamp, media_s, time.monotonic(), skipped=skipped)

    def early_s(self, media_s: float) -> float:
        """How many seconds of real time are left until `media_s` is due; negative when late.

        Media second 0 is when it is first asked for.
        """
        now_s = time.monotonic()
        if self._started_s is None:
            self._started_s = now_s
        return self._started_s + media_s - now_s
