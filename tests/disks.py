"""Disks for tests that fill them up or break them."""

from __future__ import annotations

import subprocess
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
