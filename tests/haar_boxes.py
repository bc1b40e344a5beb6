"""Where a full Haar scan sees faces in the shared videos: `python -m tests.haar_boxes VIDEOS`.

Writes `haar_boxes.json` beside itself: for each video, for each frame, `[x, y, width, height]` of
every box of `detectMultiScale(gray, 1.1, 5)`. It takes minutes, so the tests read the file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge.records import Box, ByteArray

STORED = Path(__file__).with_suffix(".json")


def grays(path: Path) -> Iterator[ByteArray]:
    """The frames of a video, gray; what is found in them on one thread is the same every time."""
    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(str(path))
    while True:
        ok, picture = capture.read()
        if not ok:
            break
        yield np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    capture.release()


def stored() -> dict[str, list[list[Box]]]:
    """The boxes of every frame by the video's file name."""
    videos = json.loads(STORED.read_text())
    return {
        name: [[Box(*box) for box in boxes] for boxes in frames] for name, frames in videos.items()
    }


def main(folder: Path) -> None:
    cascade = cv2.CascadeClassifier(
        str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml")
    )
    found = {
        path.name: [
            np.asarray(cascade.detectMultiScale(gray, 1.1, 5)).reshape(-1, 4).tolist()
            for gray in grays(path)
        ]
        for path in sorted(folder.glob("*.m[pk][4v]"))
    }
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(frames, separators=(',', ':'))}"
        for name, frames in found.items()
    )
    STORED.write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
