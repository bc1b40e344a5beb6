"""Signals as events that the loop checks."""

from __future__ import annotations

import os
import signal
import threading
from queue import SimpleQueue
from types import FrameType


def listen() -> tuple[threading.Event, threading.Event]:
    """Return the events `(stop, reload)` that signals set from now on.

    `stop` is set by the first SIGTERM or Ctrl-C; a second one ends the process at once. `reload` is
    set by every SIGHUP, except that a closed terminal ends the process.

    A handler runs between any two steps of the main thread, which may hold an event's lock at that
    moment; so a separate thread sets the events.
    """
    stop, reload = threading.Event(), threading.Event()
    received: SimpleQueue[int] = SimpleQueue()  # the only reentrant queue

    def set_events() -> None:
        while True:
            (reload if received.get() == signal.SIGHUP else stop).set()

    def end(number: int, _: FrameType | None) -> None:
        received.put(number)
        signal.signal(number, signal.SIG_DFL)

    threading.Thread(target=set_events, name="signals", daemon=True).start()
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    if not os.isatty(0):
        # A handler in C cannot interrupt itself, however fast signals follow each other.
        signal.signal(signal.SIGHUP, received.put)  # type: ignore[arg-type]
    return stop, reload
