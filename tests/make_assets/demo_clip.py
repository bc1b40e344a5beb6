"""Make the demo's clip: average faces, drifting over a gray picture.

    python -m tests.make_assets.demo_clip --data fer2013.npz --out edge/assets/average-faces.mp4

Data: an `.npz` with `x_train`, uint8 `(N, 48, 48)`, `y_train` in FER2013's order, and
`ferplus_train`, uint8 `(N, 10)`, FER+'s votes (Barsoum et al. 2016, arXiv 1608.01041; columns
neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, NF; a row of zeros
where FER+ has none). A face is the mean of those pictures of its class, and their mirror images,
on whose expression FER+'s ten taggers agree best: all with eight votes or more, and never fewer
than 400, so that it is nobody's. Its difference from the mean of all is slightly exaggerated, as in
a caricature, and sharpened, since averages are blurred.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edge.packaged import CLIP_STORY
from edge.records import ByteArray, FloatArray

CLASSES = 7
#: FER+ columns in FER2013's order: angry disgust fear happy sad surprise neutral.
FERPLUS_TO_FER = [4, 5, 6, 1, 3, 2, 0]

FPS = 10
WIDTH, HEIGHT, FACE = 640, 480, 200
FADE_S = 0.4
LEAST = 400
CARICATURE, SHARPENING = 1.3, 1.5
#: FER2013's order.
LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
#: What is shown, and for how long: class of FER2013, seconds.
STORY = tuple((LABELS.index(name), shown_s) for name, shown_s in CLIP_STORY)


def average_faces(pictures: ByteArray, labels: ByteArray, votes: ByteArray) -> FloatArray:
    """Return a face for each class, `(classes, 48, 48)`, 0..255; see the module's docstring."""
    agreed = np.take_along_axis(
        votes[:, FERPLUS_TO_FER].astype(np.float32), labels[:, None].astype(np.int64), axis=1
    )[:, 0] / np.maximum(votes.sum(axis=1), 1)
    means = []
    for number in range(CLASSES):
        members = np.flatnonzero(labels == number)
        best = members[np.argsort(-agreed[members], kind="stable")]
        count = max(LEAST, int(np.sum(agreed[best] >= 0.8)))
        if len(best) < LEAST:
            raise SystemExit(f"class {number}: {len(best)} pictures; at least {LEAST} are needed")
        mean = pictures[best[:count]].mean(axis=0)
        means.append((mean + mean[:, ::-1]) / 2)
    middle = np.mean(means, axis=0)
    return np.stack([_drawn(middle + CARICATURE * (mean - middle)) for mean in means])


def _drawn(mean: npt.NDArray[np.float64]) -> FloatArray:
    sharp = mean + SHARPENING * (mean - cv2.GaussianBlur(mean, (0, 0), 2))
    low, high = np.percentile(sharp, [0.5, 99.5])
    face: FloatArray = np.clip((sharp - low) / (high - low) * 255, 0, 255).astype(np.float32)
    return face


def frames(faces: FloatArray) -> Iterator[ByteArray]:
    """Yield the clip's pictures, uint8 `(480, 640)`."""
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
    """Write the clip."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    with np.load(options.data) as data:
        faces = average_faces(data["x_train"], data["y_train"], data["ferplus_train"])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    codec = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(options.out), codec, FPS, (WIDTH, HEIGHT), isColor=True)
    for picture in frames(faces):
        writer.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    writer.release()
    print(f"{options.out}: {options.out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
