"""Makes the demo's clip: average faces, drifting over a gray picture.

    python -m convert.demo_clip --data fer2013.npz --out edge/assets/average-faces.mp4

Data: an `.npz` with `x_train`, uint8 `(N, 48, 48)`, and `y_train` in FER2013's order. The mean of
each class over its 436 to 7,215 pictures is a clear face that belongs to nobody; means of fewer
than 400 pictures are refused, so that no single person can shine through.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]

FPS = 10
WIDTH, HEIGHT, FACE = 640, 480, 200
FADE_S = 0.4
#: What is shown, and for how long: class of FER2013, seconds.
STORY = ((6, 2.0), (3, 2.0), (5, 2.0), (4, 2.0), (0, 2.0), (2, 1.5), (1, 1.5), (3, 2.5), (6, 1.5))


def average_faces(pictures: ByteArray, labels: ByteArray) -> FloatArray:
    """The mean picture of each class, `(classes, 48, 48)`, contrast stretched to 0..255."""
    means = []
    for number in range(int(labels.max()) + 1):
        chosen = pictures[labels == number]
        if len(chosen) < 400:
            raise SystemExit(f"class {number}: {len(chosen)} pictures; needs 400 or more")
        mean = chosen.mean(axis=0)
        means.append((mean - mean.min()) / (mean.max() - mean.min()) * 255)
    return np.stack(means).astype(np.float32)


def frames(faces: FloatArray) -> Iterator[ByteArray]:
    """The clip's pictures, uint8 `(480, 640)`."""
    y, x = np.mgrid[-1 : 1 : FACE * 1j, -1 : 1 : FACE * 1j]
    mask = np.clip((1.05 - np.maximum(np.abs(x), np.abs(y))) * 8, 0, 1)
    for at, face in enumerate(_faces_in_turn(faces)):
        large = cv2.resize(face, (FACE, FACE), interpolation=cv2.INTER_CUBIC)
        left = round((WIDTH - FACE) / 2 + 60 * np.sin(at / FPS * 0.7))
        top = round((HEIGHT - FACE) / 2 + 20 * np.sin(at / FPS * 1.1))
        picture = np.full((HEIGHT, WIDTH), 128, np.float32)
        under = picture[top : top + FACE, left : left + FACE]
        under += (large - under) * mask
        yield np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _faces_in_turn(faces: FloatArray) -> Iterator[FloatArray]:
    following = [number for number, _ in STORY[1:]] + [STORY[-1][0]]
    for (number, shown_s), after in zip(STORY, following, strict=True):
        count, fading = round(shown_s * FPS), round(FADE_S * FPS)
        for at in range(count):
            share = max(0, at - (count - fading) + 1) / (fading + 1)
            yield faces[number] * (1 - share) + faces[after] * share


def main(arguments: list[str] | None = None) -> int:
    """Writes the clip."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    with np.load(options.data) as data:
        faces = average_faces(data["x_train"], data["y_train"])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    codec = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(options.out), codec, FPS, (WIDTH, HEIGHT), isColor=True)
    count = itertools.count(1)
    for number, picture in zip(count, frames(faces), strict=False):
        writer.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    writer.release()
    print(f"{options.out}: {number} pictures, {options.out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
