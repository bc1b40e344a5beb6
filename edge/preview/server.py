"""The picture and what is read from it in a browser: one page, and a stream of JPEGs."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from edge import __version__
from edge.errors import FerEdgeError, UsageError
from edge.packaged import ASSETS
from edge.preview.access import COOKIE, Access
from edge.preview.latest import Latest

#: A client that takes nothing for this long is gone.
_TIMEOUT_S = 10.0
#: Streams at once: each is a thread, and a Pi has little memory.
_STREAMS = 8
_BOUNDARY = "frame"
#: The page may load what is here and nothing else, be in no frame, and no other page may use it.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' data:; script-src 'self'; style-src 'self';"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
#: Paths of what does not change, with the names of the files.
_FILES = {
    "/": ("preview.html", "text/html; charset=utf-8"),
    "/preview.css": ("preview.css", "text/css; charset=utf-8"),
    "/preview.js": ("preview.js", "text/javascript; charset=utf-8"),
}


class Server(ThreadingHTTPServer):
    """Listens on `address`; raises `FerEdgeError` where that cannot be."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: str, port: int, latest: Latest) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            self.access = Access(address)
        except ValueError as error:
            raise UsageError(
                f"--listen: {address}: must be an IP address of this machine"
            ) from error
        self.latest = latest
        self.streams = threading.Semaphore(_STREAMS)
        try:
            super().__init__((address, port), _Handler)
        except OSError as error:
            raise _refused(address, port, error) from error

    @property
    def url(self) -> str:
        """What to open, with the token if there is one."""
        host, port = str(self.server_address[0]), self.server_address[1]
        if ipaddress.ip_address(host).is_unspecified:
            host = _own_address(self.address_family)
        name = f"[{host}]" if ":" in host else host
        query = f"?token={self.access.token}" if self.access.token else ""
        return f"http://{name}:{port}/{query}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: a browser that goes away is not an error."""


def _own_address(family: int) -> str:
    """Return this machine's address for others; its name without a network."""
    elsewhere = "2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1"  # RFC 3849, RFC 5737
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((elsewhere, 9))  # nothing is sent
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def _refused(address: str, port: int, error: OSError) -> FerEdgeError:
    if error.errno == errno.EADDRINUSE:
        return FerEdgeError(f"port {port} is in use; choose another with --port")
    if error.errno == errno.EADDRNOTAVAIL:
        return UsageError(f"--listen: {address}: this machine has no such address")
    return FerEdgeError(f"cannot listen on {address}, port {port}: {error.strerror}")


@contextmanager
def serving(address: str, port: int, latest: Latest) -> Iterator[Server]:
    """Serve in a thread while this lasts."""
    with Server(address, port, latest) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            latest.end()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version, sys_version = f"fer-edge/{__version__}", ""
    timeout = _TIMEOUT_S

    def do_GET(self) -> None:
        """Answer whoever may ask."""
        url = urlsplit(self.path)
        access = self.server.access
        if not access.is_ours(self.headers.get("Host")):
            self._send(HTTPStatus.FORBIDDEN, b"wrong Host: open the address that was printed\n")
        elif token := parse_qs(url.query).get("token"):
            self._redeem(token[0])
        elif not access.is_known(self.headers.get("Cookie")):
            self._send(HTTPStatus.FORBIDDEN, b"open the address that was printed, with its token\n")
        elif url.path in _FILES:
            name, kind = _FILES[url.path]
            self._send(HTTPStatus.OK, (ASSETS / name).read_bytes(), kind)
        elif url.path == "/status.json":
            self._send(HTTPStatus.OK, self.server.latest.status, "application/json")
        elif url.path == "/stream.mjpg":
            self._stream()
        else:
            self._send(HTTPStatus.NOT_FOUND, b"not here\n")

    def _redeem(self, token: str) -> None:
        session = self.server.access.redeem(token)
        if session is None:
            self._send(HTTPStatus.FORBIDDEN, b"this token was used; start fer-edge preview again\n")
            return
        cookie = f"{COOKIE}={session}; HttpOnly; SameSite=Strict; Path=/"
        self._send(HTTPStatus.SEE_OTHER, b"", more={"Location": "/", "Set-Cookie": cookie})

    def _stream(self) -> None:
        if not self.server.streams.acquire(blocking=False):
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, b"too many are watching\n")
            return
        try:
            self.send_response(HTTPStatus.OK)
            self._headers(f"multipart/x-mixed-replace; boundary={_BOUNDARY}", {})
            with self.server.latest.watching() as pictures:
                for jpeg in pictures:
                    head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n"
                    head += f"Content-Length: {len(jpeg)}\r\n\r\n"
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
        finally:
            self.server.streams.release()

    def _send(
        self,
        status: HTTPStatus,
        content: bytes,
        kind: str = "text/plain; charset=utf-8",
        more: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self._headers(kind, {"Content-Length": str(len(content))} | (more or {}))
        self.wfile.write(content)

    def _headers(self, kind: str, more: dict[str, str]) -> None:
        for name, value in ({"Content-Type": kind} | _HEADERS | more).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: the terminal is for what matters."""
