"""What signals ask for, as events that the loop looks at."""

from __future__ import annotations

import os
import signal
import threading
from queue import SimpleQueue
from types import FrameType


def listen() -> tuple[threading.Event, threading.Event]:
    """`(stop, reload)`: set by the first SIGTERM or Ctrl-C, a second one ends the process at once;
    and by every SIGHUP, but for that of a terminal, with which we end when it is closed.

    Handlers run between any two steps of the main thread, so they must not take the lock of an
    event that it may hold just then: a thread of its own sets them.
    """
    stop, reload = threading.Event(), threading.Event()
    told: SimpleQueue[int] = SimpleQueue()  # the one queue that a handler may use

    def pass_on() -> None:
        while True:
            (reload if told.get() == signal.SIGHUP else stop).set()

    def end(number: int, _: FrameType | None) -> None:
        told.put(number)
        signal.signal(number, signal.SIG_DFL)

    threading.Thread(target=pass_on, name="signals", daemon=True).start()
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    if not os.isatty(0):
        # A handler without a line of Python cannot be interrupted by itself, in however fast a row.
        signal.signal(signal.SIGHUP, told.put)  # type: ignore[arg-type]
    return stop, reload
