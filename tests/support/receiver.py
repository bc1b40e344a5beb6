"""An HTTP server on loopback that takes notifications, and can fail in several ways."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Mood(Enum):
    """What it does with a request."""

    TAKES = "takes it"
    REFUSES = "answers 500"
    HANGS = "never answers"
    RESETS = "breaks the connection"
    REDIRECTS = "answers 302, to another path of itself"
    DENIES = "answers 403"


_CODES = {Mood.REFUSES: 500, Mood.DENIES: 403, Mood.REDIRECTS: 302}


class Taken(NamedTuple):
    """A request that was answered with 200."""

    path: str
    headers: dict[str, str]
    text: str


class Receiver:
    """Its `mood` may be changed while it runs; `taken` and `tries` are in order."""

    def __init__(self) -> None:
        self.mood = Mood.TAKES
        self.taken: list[Taken] = []
        self.tries: list[str] = []
        self.stopped = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.handle(self)

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/topic"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        text = request.rfile.read(int(request.headers.get("Content-Length", 0))).decode()
        mood = self.mood
        self.tries.append(text)
        if mood is Mood.HANGS:
            self.stopped.wait()
        if mood in {Mood.HANGS, Mood.RESETS}:
            # With this a close sends RST instead of FIN.
            linger = struct.pack("ii", 1, 0)
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            request.close_connection = True
            return
        if mood is Mood.TAKES:
            self.taken.append(Taken(request.path, dict(request.headers), text))
        request.send_response(_CODES.get(mood, 200))
        if mood is Mood.REDIRECTS:
            request.send_header("Location", "/elsewhere")
        request.send_header("Content-Length", "0")
        request.end_headers()

    def close(self) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver that does not outlive its test."""
    running = Receiver()
    try:
        yield running
    finally:
        running.close()
