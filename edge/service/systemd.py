"""Notify systemd (sd_notify(3)); do nothing where the service was not started by it."""

from __future__ import annotations

import logging
import math
import os
import socket
import time

#: Shortest interval between two updates of STATUS and the watchdog.
BEAT_S = 1.0
#: A service manager that does not read its socket must not hold up the loop.
_SEND_S = 0.2
log = logging.getLogger(__name__)


class Notifier:
    """Send to `$NOTIFY_SOCKET`; without it every call does nothing.

    READY=1 goes with the first beat, so a camera that never gives a frame never makes us ready; a
    loop that hangs sends no WATCHDOG=1 and is restarted. After RELOADING=1 the next beat sends
    READY=1 again, in either outcome.
    """

    def __init__(self, address: str | None = None) -> None:
        address = os.environ.get("NOTIFY_SOCKET") if address is None else address
        self._socket: socket.socket | None = None
        if address:
            self._address = "\0" + address[1:] if address[0] == "@" else address
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.settimeout(_SEND_S)
        self._ready = self._reloading = self._stopping = False
        self._trouble = ""
        self._next_s = self._next_opening_s = -math.inf

    def __enter__(self) -> Notifier:
        return self

    def __exit__(self, *_: object) -> None:
        self._reloading = False
        self.stopping()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def beat(self, now_s: float, status: str) -> None:
        """Feed the watchdog; call it at the end of every turn of the loop."""
        if now_s >= self._next_s:
            self._next_s = now_s + BEAT_S
            self._ready = self._ready or self._send("READY=1")
            self._reloading = False
            self._send(f"WATCHDOG=1\nSTATUS={status}")

    def opening(self, now_s: float) -> None:
        """Feed the watchdog, and say nothing of READY, while the camera is being opened.

        That has a time limit of its own, which may be longer than the watchdog's.
        """
        if now_s >= self._next_opening_s:
            self._next_opening_s = now_s + BEAT_S
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Announce the end, once; a reload that is going on is not the end."""
        if not self._stopping and not self._reloading:
            self._stopping = True
            self._send("STOPPING=1")

    def reloading(self) -> None:
        """Announce that a new configuration is being checked."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        self._ready, self._reloading, self._next_s = False, True, -math.inf

    def _send(self, text: str) -> bool:
        """Return whether it was sent; log a failure once, the next beat tries again."""
        if self._socket is None:
            return True
        try:
            self._socket.sendto(text.encode(), self._address)
        except OSError as error:
            if str(error) != self._trouble:
                log.warning("cannot tell the service manager ($NOTIFY_SOCKET): %s", error)
            self._trouble = str(error)
            return False
        return True
