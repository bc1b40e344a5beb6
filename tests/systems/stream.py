"""A camera on the network whose plug a test can pull: pictures over HTTP, as IP cameras do."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
from cv2.typing import MatLike

from tests.support.service import CLIP

FPS = 15.0


def pictures() -> list[bytes]:
    """The demo's clip as JPEGs."""
    capture = cv2.VideoCapture(str(CLIP))
    found: list[bytes] = []
    while True:
        ok, picture = capture.read()
        if not ok:
            return found
        found.append(jpeg(picture))


def jpeg(picture: MatLike) -> bytes:
    return bytes(cv2.imencode(".jpg", picture)[1])


class Stream:
    """Plays the clip again and again to everybody who asks, at `fps`; a context manager.

    `silent`: connections stay open, no picture comes. `absent`: connections end, new ones are
    refused. `odd`: a picture to send once, in place of the next one.
    """

    def __init__(self) -> None:
        self._pictures = pictures()
        self.fps = FPS
        self.silent = self.absent = False
        self.odd: bytes | None = None
        stream = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stream._serve(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/camera.mjpg"

    def __enter__(self) -> Stream:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.absent = True
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, to: BaseHTTPRequestHandler) -> None:
        if self.absent:
            to.send_error(503)
            return
        to.send_response(200)
        to.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
        to.end_headers()
        began_s, shown = time.monotonic(), 0
        while not self.absent:
            while self.silent and not self.absent:
                time.sleep(0.01)
            picture = self.odd or self._pictures[shown % len(self._pictures)]
            self.odd = None
            try:
                to.wfile.write(
                    b"--picture\r\nContent-Type: image/jpeg\r\n"
                    + f"Content-Length: {len(picture)}\r\n\r\n".encode()
                    + picture
                    + b"\r\n"
                )
            except (BrokenPipeError, ConnectionResetError):
                return
            shown += 1
            time.sleep(max(0.0, began_s + shown / self.fps - time.monotonic()))
