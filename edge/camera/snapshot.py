"""A URL of a single picture, such as an IP camera's `snapshot.jpg`: fetched again each time."""

from __future__ import annotations

import time
from http.client import HTTPException, HTTPResponse
from typing import cast
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import (
    HTTPBasicAuthHandler,
    HTTPDigestAuthHandler,
    HTTPPasswordMgrWithDefaultRealm,
    OpenerDirector,
    build_opener,
)

import numpy as np

from edge.records import ByteArray

_TIMEOUT_S = 5.0
#: Larger answers are refused; 4K of nothing but noise in the best quality has 16 million bytes.
_LIMIT_BYTES = 20_000_000


class Snapshots:
    """What `cv2.VideoCapture` is to a stream, for a URL of a single picture, at `fps`.

    User and password in the URL serve for basic and digest authentication.
    """

    def __init__(self, url: str, fps: float) -> None:
        self._url, self._opener = _opener(url)
        self._interval_s, self._due_s = 1 / fps, time.monotonic()

    def is_picture(self) -> bool:
        """Return whether the URL answers with a single picture; False if unreadable."""
        try:
            with self._open() as answer:
                return answer.headers.get_content_maintype() == "image"
        except (OSError, HTTPException, ValueError):
            return False

    def read(self) -> tuple[bool, ByteArray]:
        """Wait until the next picture is due; return whether it came, and its bytes."""
        time.sleep(max(0.0, self._due_s - time.monotonic()))
        now_s = time.monotonic()
        late = now_s - self._due_s > self._interval_s
        self._due_s = (now_s if late else self._due_s) + self._interval_s
        try:
            with self._open() as answer:
                content = answer.read(_LIMIT_BYTES + 1)
        except (OSError, HTTPException, ValueError):
            content = b""
        ok = 0 < len(content) <= _LIMIT_BYTES
        return ok, np.frombuffer(content, np.uint8).reshape(1, -1)

    def release(self) -> None:
        """Do nothing: no connection is kept."""

    def _open(self) -> HTTPResponse:
        return cast(HTTPResponse, self._opener.open(self._url, timeout=_TIMEOUT_S))


def _opener(url: str) -> tuple[str, OpenerDirector]:
    """Return the URL without user and password, and what opens it with them."""
    parts = urlsplit(url)
    account, _, host = parts.netloc.rpartition("@")
    bare = urlunsplit(parts._replace(netloc=host))
    passwords = HTTPPasswordMgrWithDefaultRealm()
    if account:
        user, _, password = account.partition(":")
        passwords.add_password(None, bare, unquote(user), unquote(password))
    return bare, build_opener(HTTPBasicAuthHandler(passwords), HTTPDigestAuthHandler(passwords))
