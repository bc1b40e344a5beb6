"""Faces from a video, as a Haar cascade detects them; their classes are unknown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from convert.faces.splits import Picture, Split
from edge.faces import cascade

SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm")
#: Smallest face to detect: most networks take 48 pixels a side, and smaller faces would be blurred.
#: (The Pi detects from 30 unless configured otherwise.)
MIN_FACE_PX = 48
MAX_FACES = 500


def pictures(path: Path) -> Iterator[Picture]:
    """Yield at most about `MAX_FACES` faces, from evenly spaced frames."""
    detector = cascade.load()
    capture = cv2.VideoCapture(str(path))
    count = 0
    try:
        step = max(1, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) // MAX_FACES)
        number, grabbed = 0, capture.grab()
        while grabbed and count < MAX_FACES:
            if number % step == 0:
                _, frame = capture.retrieve()
                gray = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8)
                for x, y, width, height in detector.detectMultiScale(
                    gray, 1.1, 5, minSize=(MIN_FACE_PX,) * 2
                ):
                    face = gray[y : y + height, x : x + width]
                    yield Picture(face, "", Split.TRAIN, f"frame {number}")
                    count += 1
            number, grabbed = number + 1, capture.grab()
    finally:
        capture.release()
