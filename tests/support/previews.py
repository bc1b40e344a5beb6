"""A running `fer-edge preview`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

from edge.packaged import CLIP
from tests.conftest import command, environment


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class Preview:
    """A running preview of the bundled clip."""

    def __init__(self, directory: Path, *arguments: object, config: object = os.devnull) -> None:
        self.port = free_port()
        words = ["--config", config, "--source", CLIP, "--port", self.port, *arguments]
        self.process = subprocess.Popen(
            command("preview", *words),
            env=environment(directory),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().partition(" ")[0].strip()

    def get(self, path: str = "/", **headers: str) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path, headers=headers)
        return connection.getresponse()

    def status(self, **headers: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.get("/status.json", **headers).read())
        return found

    def end(self) -> tuple[int, float, str]:
        """End it as Ctrl-C does: exit code, seconds, and what it said on standard error."""
        began_s = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, time.monotonic() - began_s, errors

    def __enter__(self) -> Preview:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
