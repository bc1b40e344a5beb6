"""What watching for movement costs a frame at the Pi cameras' own sizes, beside 640x480.

    python -m tests.benchmarks.motion

Prints the processor time of an update, and its ratio to the one at 640x480: the best of several
rounds, taken in turn.
"""

from __future__ import annotations

import time

import cv2
import numpy as np

from edge.faces.motion import Motion
from edge.records import ByteArray

PLAIN = (640, 480)
SIZES = [PLAIN, (854, 480), (720, 576), (1024, 768), (1296, 972), (1640, 1232), (2304, 1296)]
ROUNDS, UPDATES = 12, 60


def noise(width: int, height: int, seed: int) -> ByteArray:
    levels = np.random.default_rng(seed).normal(120, 3, (height, width))
    return np.clip(levels, 0, 255).astype(np.uint8)


def round_s(motion: Motion, pictures: list[ByteArray]) -> float:
    """Processor seconds of an update."""
    began_s = time.thread_time()
    for at in range(UPDATES):
        motion.update(pictures[at % len(pictures)])
    return (time.thread_time() - began_s) / UPDATES


def main() -> None:
    """Print a line for each size."""
    cv2.setNumThreads(1)
    parts = {
        (width, height): (
            Motion((height, width)),
            [noise(width, height, seed) for seed in range(4)],
        )
        for width, height in SIZES
    }
    best_s = dict.fromkeys(SIZES, float("inf"))
    for _ in range(ROUNDS):
        for size, (motion, pictures) in parts.items():
            best_s[size] = min(best_s[size], round_s(motion, pictures))
    for (width, height), seconds in best_s.items():
        ratio = seconds / best_s[PLAIN]
        print(f"{width}x{height}: {seconds * 1e6:.0f} us, {ratio:.2f} of 640x480")


if __name__ == "__main__":
    main()
