"""How well faces are found in the shared videos, and what that costs, beside a full Haar scan.

    python -m tests.benchmarks.faces [--shared FOLDER] [--detector NAME] [--model FILE] [--haar]

Prints a table. The yardstick is a strong detector's boxes on every frame (see
`tests.support.known_faces`); with `--haar`, `detectMultiScale(gray, 1.1, 5)` on every frame is
measured by it, too, which takes minutes. Times are CPU time of one thread.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np

from convert.detection.clips import ClipScore
from edge.bench.haar import FullHaar
from edge.bench.scenes import played
from edge.config.schema import FacesConfig
from edge.faces.detector import Detector
from edge.packaged import FACES
from edge.records import Face, Frame
from tests.support.known_faces import VIDEOS, Numbers, known_faces, numbers, score

HEAD = (
    "| clip | clear faces found | wrong boxes of all | frames with a face read | id changes"
    " | ms a frame: mean, p99 |\n|---|---:|---:|---:|---:|---:|"
)


Find: TypeAlias = Callable[[Frame], tuple[Face, ...]]


class Played(NamedTuple):
    """A finder's faces in every frame of a video, and what they cost."""

    faces: list[tuple[Face, ...]]
    ms: list[float]


def measured(path: Path, find: Find) -> Played:
    """Give `find` every frame of a video."""
    cv2.setNumThreads(1)
    result = Played([], [])
    for frame in played(str(path), None):
        start_s = time.thread_time()
        found = find(frame)
        result.ms.append(1000 * (time.thread_time() - start_s))
        result.faces.append(found)
    return result


def line(name: str, got: ClipScore, kept: Numbers, ms: Sequence[float]) -> str:
    """A row of the table."""
    cells = (
        name,
        f"{got.found} of {got.clear}{_percent(got.found, got.clear)}",
        f"{got.wrong} of {got.reported}{_percent(got.wrong, got.reported)}",
        f"{got.read} of {got.frames}",
        f"{kept.changes} in {kept.linked}",
        f"{np.mean(ms):.2f}, {np.percentile(ms, 99):.2f}",
    )
    return f"| {' | '.join(cells)} |"


def _percent(part: int, whole: int) -> str:
    return f", {100 * part / whole:.1f} %" if whole else ""


def _haar() -> Find:
    haar = FullHaar()
    return lambda frame: tuple(Face(0, box) for box in haar(frame.gray))


def main() -> None:
    """Print a row for each video, and with `--haar` one more."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("FER_EDGE_SHARED", "../shared")
    parser.add_argument("--shared", type=Path, default=Path(default))
    parser.add_argument("--haar", action="store_true", help="full Haar on every frame, too")
    parser.add_argument("--detector", choices=("auto", "haar", "network"), default="auto")
    parser.add_argument("--model", type=Path, default=FACES, help="the face network's .tflite")
    options = parser.parse_args()
    config = FacesConfig(detector=options.detector, model=options.model)
    known = known_faces(options.shared / "data" / "clip_faces.npz")
    print(HEAD)
    for path in sorted((options.shared / "videos").iterdir()):
        if path.suffix not in VIDEOS:
            continue
        finders: dict[str, Find] = {path.stem: Detector(config).find}
        if options.haar:
            finders["full Haar"] = _haar()
        for name, find in finders.items():
            faces, ms = measured(path, find)
            there = known[path.stem]
            print(line(name, score(there, faces), numbers(there, faces), ms), flush=True)


if __name__ == "__main__":
    main()
