"""Whether memory, file descriptors and threads stay flat: one `fer-edge run` for a long time.

    python -m tests.long.soak [SECONDS]        (3600)

The process plays the demo's clip again and again as fast as it can, with diary and broker; how
many frames that was, the media time of the diary's last row tells.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import cv2

from edge.diary import layout, reader
from tests.conftest import Mosquitto
from tests.support.service import CLIP, HASTY_ALERT, Service

LINES = (
    """device = "pi"
[diary]
max_bytes = 1000000
[mqtt]
host = "127.0.0.1"
port = {port}
"""
    + HASTY_ALERT
)
EVERY_S = 2.0
#: What Python, NumPy and the allocator take up and give back from one moment to the next.
GROWTH_MB = 3.0


class Sample(NamedTuple):
    """What the process has at one moment."""

    rss_mb: float
    descriptors: int
    threads: int


def sample(pid: int) -> Sample:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines)
    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Sample(int(status["VmRSS"].split()[0]) / 1024, descriptors, int(status["Threads"]))


def media_s(folder: Path) -> float:
    """Media time of the last row, the first one being at the beginning."""
    files = layout.files(folder)
    rows = [row for path in (files[0], files[-1]) for row in reader.rows(path)]
    return (rows[-1].time - rows[0].time).total_seconds()


def soak(seconds: float, folder: Path) -> tuple[list[Sample], float]:
    """Samples over `seconds`, and the media time that was played."""
    broker = Mosquitto(folder).start()
    arguments = ("--source", CLIP, "--loop", 10**7)
    running = Service(folder / "pi", LINES.format(port=broker.port), *arguments)
    samples, until_s = [], time.monotonic() + seconds
    try:
        while time.monotonic() < until_s:
            time.sleep(EVERY_S)
            if running.process.poll() is not None:
                raise SystemExit(f"it ended: {running.said()}")
            samples.append(sample(running.process.pid))
        running.stop()
        return samples, media_s(folder / "pi" / "log")
    finally:
        running.kill()
        broker.stop()


def main() -> int:
    """Prints the figures; 1 where something grew."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3600.0
    with tempfile.TemporaryDirectory() as folder:
        samples, media = soak(seconds, Path(folder))
    capture = cv2.VideoCapture(str(CLIP))
    frames = round(media * capture.get(cv2.CAP_PROP_FPS))
    quarter = len(samples) // 4
    early, late = samples[quarter // 2 : quarter + quarter // 2], samples[-quarter:]
    grown_mb = statistics.mean(s.rss_mb for s in late) - statistics.mean(s.rss_mb for s in early)
    same = all(
        max(getattr(s, part) for s in late) <= max(getattr(s, part) for s in samples[: 2 * quarter])
        for part in ("descriptors", "threads")
    )
    figures = {
        "seconds": seconds,
        "frames": frames,
        "hours_at_10_fps": round(frames / 36000, 1),
        "rss_mb": [round(samples[quarter // 2].rss_mb, 1), round(samples[-1].rss_mb, 1)],
        "grown_mb": round(grown_mb, 2),
        "descriptors": [samples[quarter // 2].descriptors, max(s.descriptors for s in late)],
        "threads": [samples[quarter // 2].threads, max(s.threads for s in late)],
    }
    print(json.dumps(figures))
    return 0 if grown_mb < GROWTH_MB and same else 1


if __name__ == "__main__":
    sys.exit(main())
