"""`fer-edge preview` as a process, with a browser's requests."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

from edge.config.schema import CameraConfig, Config
from edge.errors import CameraError
from edge.packaged import CLIP
from edge.preview.run import watch_scenes
from edge.preview.scene import Scene
from edge.records import Frame
from tests.conftest import Run, command, environment, wait_for
from tests.support.previews import Preview, free_port
from tests.support.service import PROMPT_S, Service


def jpegs(answer: HTTPResponse, count: int) -> list[np.ndarray[Any, Any]]:
    """The first pictures of a multipart stream."""
    found = []
    for _ in range(count):
        assert answer.readline() == b"--frame\r\n"
        head = http.client.parse_headers(answer)
        assert head["Content-Type"] == "image/jpeg"
        data = answer.read(int(head["Content-Length"]))
        assert answer.readline() == b"\r\n"
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        found.append(picture)
    return found


def yellow(picture: np.ndarray[Any, Any]) -> int:
    """How many pixels have nearly the colour of a box."""
    low, high = np.array([0, 150, 180]), np.array([120, 255, 255])
    return int(((picture >= low) & (picture <= high)).all(axis=2).sum())


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preview]:
    """One for all tests that only look."""
    with Preview(tmp_path_factory.mktemp("preview")) as preview:
        wait_for(lambda: preview.status().get("faces"), "a face", 60)
        yield preview


def test_the_stream_is_of_pictures_with_boxes(shown: Preview) -> None:
    answer = shown.get("/stream.mjpg")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
    pictures = jpegs(answer, 5)
    answer.close()
    for picture in pictures:
        assert picture.shape == pictures[0].shape
        assert yellow(picture) > 200, "no box, though a face is always in the clip"
    assert any((picture != pictures[0]).any() for picture in pictures[1:])


def test_the_text_says_what_the_picture_shows(shown: Preview) -> None:
    status = shown.status()
    (face,) = status["faces"]
    assert face["emotion"] == face["probabilities"][0][0]
    assert sum(share for _, share in face["probabilities"]) == pytest.approx(1, abs=0.01)
    assert len(face["box"]) == 4
    assert status["fps"] > 0
    (alert,) = status["alerts"]
    assert alert["text"].startswith("negative: ")
    assert (alert["limit"], alert["least"]) == (30, 0.25)
    assert f", share {alert['share']:.2f} of 0.25" in alert["text"]


class Page(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_is_accessible_and_asks_nothing_of_others(shown: Preview) -> None:
    answer = shown.get("/")
    page = Page(answer.read().decode())
    tags = dict(page.tags)
    assert tags["html"]["lang"] == "en"
    assert tags["img"]["alt"]
    assert "title" in tags
    assert [tag for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)] == ["h1", "h2", "h2", "h2"]
    assert any(attributes.get("aria-live") == "polite" for _, attributes in page.tags)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [a.get(name) for _, a in page.tags for name in ("src", "href") if a.get(name)]
    assert [link for link in links if "//" in str(link)] == []
    for link in links:
        if link not in {"stream.mjpg", "data:,"}:
            assert shown.get(f"/{link}").status == 200, link
    for name in ("preview.css", "preview.js"):
        assert b"//" not in re.sub(rb"^\s*//.*$", b"", shown.get(f"/{name}").read(), flags=re.M)
    assert b"prefers-color-scheme: dark" in shown.get("/preview.css").read()


@pytest.mark.parametrize("path", ["/", "/status.json", "/preview.js", "/nothing"])
def test_every_answer_is_for_this_page_only(shown: Preview, path: str) -> None:
    headers = shown.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Python" not in headers["Server"]


@pytest.mark.parametrize("path", ["/", "/stream.mjpg", "/status.json"])
def test_a_page_elsewhere_that_takes_our_address_sees_nothing(shown: Preview, path: str) -> None:
    """DNS rebinding: the request comes from this machine, but names another."""
    answer = shown.get(path, Host=f"evil.example:{shown.port}")
    assert answer.status == 403
    assert answer.read() == b"wrong Host: open the address that was printed\n"
    assert shown.get(path, Host="").status == 403
    assert shown.get("/", Host="localhost:9000").status == 200, "as through ssh -L 9000:..."


def test_what_is_not_there_and_not_allowed(shown: Preview) -> None:
    assert shown.get("/../../etc/passwd").status == 404
    assert shown.get("/preview.html").status == 404
    connection = HTTPConnection("127.0.0.1", shown.port, timeout=30)
    connection.request("POST", "/", b"x")
    assert connection.getresponse().status == 501


def test_a_client_that_takes_nothing_holds_nobody_up(shown: Preview) -> None:
    slow = [socket.create_connection(("127.0.0.1", shown.port)) for _ in range(3)]
    for each in slow:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        each.sendall(b"GET /stream.mjpg HTTP/1.0\r\nHost: localhost\r\n\r\n")
    time.sleep(1)  # until their buffers are full
    answer = shown.get("/stream.mjpg")
    assert len(jpegs(answer, 10)) == 10
    answer.close()
    for each in slow:
        each.close()


def test_there_is_an_end_to_how_many_may_watch(shown: Preview) -> None:
    answers = [shown.get("/stream.mjpg") for _ in range(9)]
    assert [answer.status for answer in answers].count(503) >= 1
    for answer in answers:
        answer.close()
    wait_for(lambda: _is_streaming(shown), "a place", 30)


def _is_streaming(shown: Preview) -> bool:
    answer = shown.get("/stream.mjpg")
    answer.close()
    return answer.status == 200


def test_ctrl_c_ends_it_while_somebody_watches(tmp_path: Path) -> None:
    with Preview(tmp_path) as preview:
        answer = preview.get("/stream.mjpg")
        jpegs(answer, 1)
        code, passed_s, errors = preview.end()
        assert (code, errors) == (0, "")
        assert passed_s < PROMPT_S
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [], "nothing is stored"


def test_elsewhere_a_token_is_needed_and_works_once(tmp_path: Path) -> None:
    with Preview(tmp_path, "--listen", "0.0.0.0") as preview:
        url = urlsplit(preview.url)
        query = f"/?{url.query}"
        assert url.hostname != "0.0.0.0", "which cannot be opened"
        assert re.fullmatch(r"token=[\w-]{16,}", url.query)
        for path in ("/", "/stream.mjpg", "/status.json", "/?token=guess"):
            assert preview.get(path).status == 403, path
        assert preview.get(query, Host="evil.example").status == 403, "and is not used up"
        answer = preview.get(query)
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        session = cookie.partition(";")[0]
        assert preview.get("/", Cookie=session).status == 200
        assert preview.get("/stream.mjpg", Cookie=session).status == 200
        assert preview.get(query).status == 403
        assert preview.get("/", Cookie=session, Host="evil.example").status == 403


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--listen", "raspberrypi"], 2, "--listen: raspberrypi: must be an IP address of this"),
        (["--listen", "192.0.2.1"], 2, "--listen: 192.0.2.1: this machine has no such address"),
        (["--port", "70000"], 2, "must be a number from 1 to 65535"),
        (["--source", "absent.mp4"], 1, "absent.mp4: no such file, folder or camera"),
        (["--snapshot", "look.gif"], 2, "--snapshot: look.gif: must end in .jpg, .jpeg, .png"),
        (["--snapshot", "absent/look.png", "--source", CLIP], 1, "absent/look.png: No such file"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    fer_edge: Run, words: list[object], code: int, said: str
) -> None:
    done = fer_edge("preview", "--port", free_port(), *words)
    assert done.returncode == code
    assert said in done.stderr.splitlines()[-1]


def test_a_port_in_use_is_one_line(fer_edge: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = fer_edge("preview", "--source", CLIP, "--port", port)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"fer-edge: port {port} is in use; choose another with --port\n"


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_snapshot_is_one_picture_for_its_owner(
    tmp_path: Path, fer_edge: Run, suffix: str
) -> None:
    path = tmp_path / f"look{suffix}"
    done = fer_edge("preview", "--source", CLIP, "--snapshot", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == f"{path}: 1 face"
    assert path.stat().st_mode & 0o777 == 0o600
    picture = cv2.imread(str(path))
    assert picture is not None
    assert yellow(np.asarray(picture)) > 200
    before = path.read_bytes()
    done = fer_edge("preview", "--source", CLIP, "--snapshot", path)
    assert done.returncode == 2
    assert done.stderr == f"fer-edge: --snapshot: {path}: already exists; name another file\n"
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == [path.name]


def test_a_snapshot_belongs_to_whoever_used_sudo(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("must be root")
    path = tmp_path / "look.png"
    words = ["--config", os.devnull, "--source", CLIP, "--snapshot", path]
    env = environment(tmp_path) | {"SUDO_UID": "1234"}
    subprocess.run(command("preview", *words), env=env, check=True, stdout=subprocess.DEVNULL)
    assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (1234, 0o600)


# The service meanwhile


def test_it_waits_for_a_camera_that_the_service_has_not_freed_yet(tmp_path: Path) -> None:
    source, seen, stop = tmp_path / "clip.mp4", list[Scene](), threading.Event()
    config = Config(camera=CameraConfig(source=str(source)))

    def show(_frame: Frame, scene: Scene) -> None:
        seen.append(scene)
        stop.set()

    with pytest.raises(CameraError, match="no such file, folder or camera"):
        watch_scenes(config, stop, show, for_ever=False)
    later = threading.Timer(0.6, lambda: source.symlink_to(CLIP))
    later.start()
    watch_scenes(config, stop, show, for_ever=False, released_s=30.0)
    assert len(seen) == 1


@pytest.mark.slow
def test_the_service_is_paused_meanwhile_and_watches_again_after_a_crash(tmp_path: Path) -> None:
    service = Service(tmp_path, "", "--source", CLIP, "--realtime", "--loop", 1000)
    diary = tmp_path / "log" / "expressions.csv"

    def notes() -> list[str]:
        """The first word of each; `clock` may follow, as on machines without a network."""
        lines = diary.read_text().splitlines()[1:]
        return [(line.rpartition(",")[2].split() or [""])[0] for line in lines]

    try:
        wait_for(lambda: diary.exists() and len(notes()) > 2, "the service to watch", 60)
        with Preview(tmp_path, config=tmp_path / "config.toml") as preview:
            wait_for(lambda: "paused" in notes(), "a pause", 60)
            wait_for(lambda: preview.status().get("faces"), "the preview to go on", 60)
            assert notes()[-1] == "paused"
            second = Preview(tmp_path, config=tmp_path / "config.toml")
            _, errors = second.process.communicate(timeout=60)
            assert second.process.returncode == 1
            assert errors == "fer-edge: another fer-edge preview is running; end that first\n"
            preview.process.kill()
            preview.process.wait(10)
        wait_for(lambda: notes()[-1] != "paused", "it to watch again", 30)
        with Preview(tmp_path, config=tmp_path / "config.toml") as preview:
            wait_for(lambda: notes().count("paused") == 2, "a second pause", 30)
            preview.end()
        wait_for(lambda: notes()[-1] != "paused", "it to watch again", 30)
    finally:
        service.stop()
