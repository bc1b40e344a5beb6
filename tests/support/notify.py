"""What stands for systemd: the receiving end of its notify socket."""

from __future__ import annotations

import socket


class Manager:
    """The receiving end of `$NOTIFY_SOCKET`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address[0] == "@" else address)
        self.socket.settimeout(20)

    def hears(self) -> str:
        """The next message."""
        return self.socket.recv(4096).decode()

    def heard(self) -> list[str]:
        """All that has come and was not asked for yet."""
        self.socket.setblocking(False)
        messages = []
        try:
            while True:
                messages.append(self.hears())
        except BlockingIOError:
            self.socket.settimeout(20)
            return messages
