"""`fer-edge run` as a process of its own."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT, command, environment

CLIP = ROOT / "edge" / "assets" / "average-faces.mp4"
#: An alert that every negative reading raises, and a second without one clears.
HASTY_ALERT = """[[alerts]]
name = "negative"
count = 1
window_s = 1.0
clear_count = 0
min_confidence = 0.0
cooldown_s = 0.0
"""
#: Whatever ends after at most two seconds ends within this, on a busy machine too.
PROMPT_S = 10.0


class Service:
    """`fer-edge run` as a process of its own, below `directory`."""

    def __init__(self, directory: Path, lines: str, *arguments: object, **environ: str) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        config = directory / "config.toml"
        config.write_text(lines)
        self._said = directory / f"said-{time.monotonic_ns()}.txt"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                command("run", "--config", config, *arguments),
                env=environment(directory) | environ,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return self._said.read_text()

    def diary(self) -> list[str]:
        """The rows' text from the time of day on."""
        path = self.directory / "log" / "expressions.csv"
        return [line.partition("T")[2] for line in path.read_text().splitlines()[1:]]

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Its exit code, and how long it took."""
        began_s = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(20)
        return code, time.monotonic() - began_s

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@contextmanager
def service(directory: Path, lines: str, *arguments: object, **environ: str) -> Iterator[Service]:
    """A `Service` that does not outlive its test."""
    running = Service(directory, lines, *arguments, **environ)
    try:
        yield running
    finally:
        running.kill()
