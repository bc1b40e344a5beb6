"""What systemd wants to hear from a service (sd_notify(3)); silent where nobody listens."""

from __future__ import annotations

import logging
import math
import os
import socket
import time

#: How often STATUS is renewed and the watchdog fed at most.
BEAT_S = 1.0
#: A service manager that does not read what it is told must not hold up the loop.
_SEND_S = 0.2
log = logging.getLogger(__name__)


class Notifier:
    """Sends to `$NOTIFY_SOCKET`; without it every call does nothing.

    READY=1 goes with the first beat, so a camera that never gives a frame never makes us ready; a
    loop that hangs sends no WATCHDOG=1 and is restarted. After RELOADING=1 the next beat says
    READY=1 again, be it of the loop that went on or the first of a new one.
    """

    def __init__(self, address: str | None = None) -> None:
        address = os.environ.get("NOTIFY_SOCKET") if address is None else address
        self._socket: socket.socket | None = None
        if address:
            self._address = "\0" + address[1:] if address[0] == "@" else address
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.settimeout(_SEND_S)
        self._ready, self._stopping, self._trouble = False, False, ""
        self._next_s = -math.inf

    def __enter__(self) -> Notifier:
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def beat(self, now_s: float, status: str) -> None:
        """Call it at the end of every turn of the loop."""
        if now_s >= self._next_s:
            self._next_s = now_s + BEAT_S
            self._ready = self._ready or self._send("READY=1")
            self._send(f"WATCHDOG=1\nSTATUS={status}")

    def stopping(self) -> None:
        """The end has begun; said once."""
        if not self._stopping:
            self._stopping = True
            self._send("STOPPING=1")

    def reloading(self) -> None:
        """A new configuration is being looked at."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        self._ready, self._next_s = False, -math.inf

    def _send(self, text: str) -> bool:
        """Whether it was taken; where not, this is said once, and the next beat tries again."""
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
