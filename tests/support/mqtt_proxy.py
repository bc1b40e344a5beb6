"""A broker that misbehaves: a real one, behind a proxy that keeps some of its packets back."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

PUBACK = 4


class Proxy:
    """Passes on whole MQTT packets; those from the broker whose type is in `held_back` vanish."""

    def __init__(self, broker_port: int) -> None:
        self.held_back: set[int] = set()
        self.swallowed: list[int] = []
        self.connections = 0
        self._broker_port = broker_port
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for each in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                device, _ = self._listener.accept()
            except OSError:
                return
            broker = socket.create_connection(("127.0.0.1", self._broker_port))
            self._sockets += [device, broker]
            self.connections += 1
            for source, target in ((device, broker), (broker, device)):
                threading.Thread(
                    target=self._pass_on, args=(source, target, source is broker), daemon=True
                ).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, from_broker: bool) -> None:
        with contextlib.suppress(OSError, EOFError), source.makefile("rb") as stream:
            while True:
                kind, packet = _packet(stream.read)
                if from_broker and kind in self.held_back:
                    self.swallowed.append(kind)
                else:
                    target.sendall(packet)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


def _packet(read: Callable[[int], bytes]) -> tuple[int, bytes]:
    """The next packet's type and bytes (MQTT 5.0, 2.1: a type, a length in up to four bytes)."""
    head = b""
    while len(head) < 2 or head[-1] & 0x80:
        byte = read(1)
        if not byte:
            raise EOFError
        head += byte
    length = sum((byte & 0x7F) << 7 * at for at, byte in enumerate(head[1:]))
    body = read(length)
    return head[0] >> 4, head + body


@contextlib.contextmanager
def proxy(broker_port: int) -> Iterator[Proxy]:
    """A proxy that does not outlive its test."""
    running = Proxy(broker_port)
    try:
        yield running
    finally:
        running.close()
