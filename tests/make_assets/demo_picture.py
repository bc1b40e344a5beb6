"""Draw what the demo sees: moments of its clip with the faces found and the expressions read.

python -m tests.make_assets.demo_picture --out convert/assets/demo.png
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge.camera.source import open_frames, pictures_only
from edge.config.paths import model_path
from edge.config.schema import CameraConfig, FacesConfig, MoodConfig
from edge.expressions.classifier import Classifier, crop
from edge.expressions.smoothing import Smoother
from edge.faces.detector import Detector
from edge.packaged import CLIP
from edge.records import ByteArray, Frame, Reading
from tests.make_assets.demo_clip import STORY

SIDE = 180
#: When a face's picture is taken: smoothing has settled, and the face is not fading yet.
SETTLED_S = 1.0


def moments() -> Iterator[ByteArray]:
    """Yield pictures uint8 `(SIDE, SIDE, 3)`, BGR, one for each kind of face in the clip."""
    classifier = Classifier(model_path("default"))
    detector = Detector(FacesConfig())
    smoother = Smoother(MoodConfig(reading_interval_s=0), classifier.labels, classifier)
    kinds = list(dict.fromkeys(kind for kind, _ in STORY))
    starts_s = [sum(shown_s for _, shown_s in STORY[:at]) for at in range(len(kinds))]
    for frame in pictures_only(open_frames(CameraConfig(source=str(CLIP)))):
        readings = smoother.read(frame, detector.find(frame))
        if starts_s and frame.source_s >= starts_s[0] + SETTLED_S - 0.001:
            starts_s.pop(0)
            yield from (_drawn(frame, reading) for reading in readings)


def _drawn(frame: Frame, reading: Reading) -> ByteArray:
    around = crop(frame.gray, reading.box, 0.3)
    picture = cv2.cvtColor(cv2.resize(around, (SIDE, SIDE)), cv2.COLOR_GRAY2BGR)
    low, high = round(SIDE * 0.3 / 1.6), round(SIDE * 1.3 / 1.6)
    cv2.rectangle(picture, (low, low), (high, high), (80, 200, 80), 1, cv2.LINE_AA)
    text = f"{reading.emotion} {reading.confidence:.0%}"
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(picture, text, (low, low - 8), font, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(picture, np.uint8)


def main(arguments: list[str] | None = None) -> int:
    """Write the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    cv2.imwrite(str(options.out), np.hstack(list(moments())))
    print(f"{options.out}: {options.out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
