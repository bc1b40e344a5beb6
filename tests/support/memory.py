"""Whether memory stays flat: RSS of one `fer-edge run` after N frames and after ten times as many.

    python -m tests.support.memory VIDEO [FRAMES]        (2000; then ten times as many)

The process plays VIDEO again and again and writes a row for every face in every frame; the media
time of the diary's last row says which frame it is at.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2

from edge.diary import layout
from tests.conftest import command, environment

LINES = "[mood]\nreading_interval_s = 0\n[diary]\nmax_bytes = 1000000\n"


def rss_mb(video: Path, early: int, late: int, folder: Path) -> tuple[float, float]:
    """RSS in MB after `early` and after `late` frames of `video`, which must show a face."""
    capture = cv2.VideoCapture(str(video))
    fps, frames = capture.get(cv2.CAP_PROP_FPS), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    config = folder / "config.toml"
    config.write_text(LINES)
    loops = math.ceil(late / frames) + 2
    process = subprocess.Popen(
        command("run", "--config", config, "--source", video, "--loop", loops),
        env=environment(folder),
    )
    try:
        return tuple(_rss_mb_at(process, folder / "log", at / fps) for at in (early, late))  # type: ignore[return-value]
    finally:
        process.terminate()
        process.wait(30)


def _rss_mb_at(process: subprocess.Popen[bytes], log: Path, media_s: float) -> float:
    while _media_s(log) < media_s:
        if process.poll() is not None:
            raise SystemExit(f"the run ended before {media_s:.0f} s, code {process.returncode}")
        time.sleep(0.02)
    status = Path(f"/proc/{process.pid}/status").read_text()
    (kb,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(kb) / 1024


def _media_s(log: Path) -> float:
    """The media time of the diary's last row."""
    path = log / layout.NAME
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 1000))
            lines = file.read().decode().split("\r\n")
    except FileNotFoundError:  # not begun, or being rotated just now
        return 0.0
    stamp = lines[-2].partition(",")[0] if len(lines) > 1 else ""
    if not stamp.startswith("2"):
        return 0.0
    hours, minutes, seconds = stamp[11:23].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def main() -> None:
    """Prints both figures."""
    video, early = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    with tempfile.TemporaryDirectory() as folder:
        first, second = rss_mb(video, early, 10 * early, Path(folder))
    print(f"RSS after {early} frames {first:.1f} MB, after {10 * early} {second:.1f} MB")


if __name__ == "__main__":
    main()
