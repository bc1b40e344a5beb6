"""Disks for tests that fill them up or break them, and a user without root's rights."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Mounted:
    """A file system for a while; skips where that is not allowed."""

    def __init__(self, place: Path, *arguments: str) -> None:
        self.place, self.arguments = place, arguments

    def __enter__(self) -> Path:
        self.place.mkdir()
        done = subprocess.run(
            ["mount", *self.arguments, self.place], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"mounting a test disk needs root: {done.stderr.partition(chr(10))[0]}")
        return self.place

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", self.place], check=True)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root, if we have them."""
    ours = os.geteuid()
    if ours == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(ours)


def bytes_read() -> int:
    """By this process so far, from whatever file."""
    return bytes_read_by(os.getpid())


def bytes_read_by(pid: int) -> int:
    """By a process of ours so far, from whatever file."""
    words = Path(f"/proc/{pid}/io").read_text().split()
    return int(words[words.index("rchar:") + 1])
