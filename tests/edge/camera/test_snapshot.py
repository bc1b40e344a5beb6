"""A URL of a single picture, as many IP cameras have one."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

import cv2
import numpy as np
import pytest

from edge.camera import snapshot
from edge.camera.source import open_frames, pictures_only
from edge.config.schema import CameraConfig
from edge.errors import CameraError
from tests.conftest import wait_for

USER, PASSWORD = "me", "ge@heim"


def jpeg(level: int) -> bytes:
    return bytes(cv2.imencode(".jpg", np.full((48, 64), level % 256, np.uint8))[1])


class Still:
    """Answers each request with another picture; `trouble` is what it sends instead.

    None there: it refuses. `scheme`: it wants an account first.
    """

    def __init__(self) -> None:
        self.trouble: bytes | None = jpeg(0)
        self.well, self.scheme, self.asked = True, "", 0
        still = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                still._serve(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/snapshot.jpg"

    def __enter__(self) -> Still:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, to: BaseHTTPRequestHandler) -> None:
        if self.scheme and not _known(to.headers.get("Authorization", "")):
            to.send_response(401)
            to.send_header("WWW-Authenticate", f'{self.scheme} realm="camera", nonce="n"')
            to.end_headers()
            return
        self.asked += 1
        content = jpeg(10 * self.asked) if self.well else self.trouble
        if content is None:
            to.send_error(503)
            return
        to.send_response(200)
        to.send_header("Content-Type", "image/jpeg")
        to.end_headers()
        to.wfile.write(content)


def _known(authorization: str) -> bool:
    scheme, _, given = authorization.partition(" ")
    if scheme == "Basic":
        return base64.b64decode(given).decode() == f"{USER}:{PASSWORD}"
    values = dict(re.findall(r'(\w+)="([^"]*)"', given))

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    account = md5(f"{USER}:camera:{PASSWORD}")
    return values.get("response") == md5(f"{account}:n:{md5('GET:/snapshot.jpg')}")


@pytest.fixture
def still() -> Iterator[Still]:
    with Still() as made:
        yield made


def test_it_is_fetched_again_at_the_cameras_rate(still: Still) -> None:
    with closing(open_frames(CameraConfig(source=still.url, fps=5))) as opened:
        frames = pictures_only(opened)
        got = [(frame.source_s, int(frame.gray[0, 0])) for frame in islice(frames, 6)]
    levels = [level for _, level in got]
    assert levels == sorted(set(levels)), "each is a new one"
    assert got[-1][0] - got[0][0] == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize("scheme", ["Basic", "Digest"])
def test_user_and_password_are_those_of_the_url(still: Still, scheme: str) -> None:
    still.scheme = scheme
    url = still.url.replace("://", f"://{USER}:ge%40heim@")
    with closing(open_frames(CameraConfig(source=url, fps=5))) as frames:
        assert next(pictures_only(frames)).gray.shape == (48, 64)
    with pytest.raises(CameraError, match="cannot open the stream; check address") as refused:
        list(open_frames(CameraConfig(source=url.replace("heim", "im"))))
    assert "ge" not in str(refused.value).partition(":")[0]


@pytest.mark.parametrize("trouble", [b"", b"no picture", "too large", None])
def test_one_that_cannot_be_used_is_passed_over(still: Still, trouble: bytes | str | None) -> None:
    sent = bytes(snapshot._LIMIT_BYTES + 1) if isinstance(trouble, str) else trouble
    with closing(open_frames(CameraConfig(source=still.url, fps=20))) as opened:
        frames = pictures_only(opened)
        next(frames)
        still.trouble, still.well, asked = sent, False, still.asked
        wait_for(lambda: still.asked > asked + 2, "it to be asked for")
        still.well = True
        assert next(frames).gray.shape == (48, 64)


def test_one_that_stays_away_ends_the_run(still: Still, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.camera.source.STALLED_S", 0.5)
    with closing(open_frames(CameraConfig(source=still.url, fps=20))) as frames:
        next(pictures_only(frames))
        still.trouble, still.well = None, False
        with pytest.raises(
            CameraError, match=r"no picture for 1 s; it was unplugged or stopped sending"
        ):
            for _ in frames:
                pass


def test_one_that_answers_slowly_is_no_reason_to_hurry(still: Still) -> None:
    """After a pause the next ones come at the camera's rate again, not all at once."""
    snapshots = snapshot.Snapshots(still.url, 10)
    snapshots.read()
    time.sleep(0.55)
    began_s = time.monotonic()
    for _ in range(3):
        assert snapshots.read()[0]
    assert time.monotonic() - began_s > 0.15
