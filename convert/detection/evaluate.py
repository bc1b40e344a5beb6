"""`python -m convert.detection.evaluate`: score a face network beside OpenCV's Haar."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from convert.detection import clips, scenes
from convert.detection.darkness import darkness, thirds
from convert.detection.looking import found_in
from convert.detection.scenes import Scene
from convert.detection.score import RATES, SIZES, SMALLEST_PX, Scored, scored
from edge.errors import FerEdgeError, RefusedFile
from edge.faces.network import FaceNetwork

#: Fainter boxes never matter.
FAINTEST = 0.03


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures, and return the exit code."""
    options = _parser().parse_args(arguments)
    cv2.setNumThreads(1)
    try:
        network = FaceNetwork(options.model)
        validation = scenes.load(options.data, validation=True).scenes
        print("\n".join(_pictures(network, validation, options.size)))
        if options.clips:
            print("\n".join(_clips(network, options.clips, options.size)))
    except FerEdgeError as error:
        print(f"fer-evaluate: {error}", file=sys.stderr)
        return error.code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fer-evaluate --task faces", description=__doc__)
    parser.add_argument("model", type=Path, help="the detector's .tflite")
    parser.add_argument("--data", type=Path, required=True, help="folder with faces_scenes.npz")
    parser.add_argument("--size", type=int, default=320, help="longer side of the input, pixels")
    parser.add_argument(
        "--clips",
        type=Path,
        nargs=2,
        metavar=("FOLDER", "NPZ"),
        help="videos and their known faces",
    )
    return parser


def _pictures(network: FaceNetwork, validation: Sequence[Scene], size: int) -> list[str]:
    result = scored(validation, [found_in(network, s.gray, size, FAINTEST) for s in validation])
    cascade = scored(
        validation, [np.pad(s.haar, ((0, 0), (0, 1)), constant_values=1.0) for s in validation]
    )
    lines = [
        f"{result.pictures} pictures, {len(result.best)} faces of {SMALLEST_PX:g} px or more,"
        f" input {size} px",
        f"{'false boxes in 100 pictures':30}{'threshold':>10}{'recall':>8}"
        + "".join(f"{name:>10}" for name in _names()),
    ]
    for rate in RATES:
        lines.append(f"{rate:<30g}{result.threshold(rate):>10.3f}" + _recalls(result, rate))
    card = result.false[result.false >= network.card.threshold]
    at = 100 * len(card) / result.pictures
    name = f"{at:.2f} (the card's threshold)"
    lines.append(f"{name:<30}{network.card.threshold:>10.3f}" + _recalls(result, at))
    rate = 100 * len(cascade.false) / cascade.pictures
    lines.append(f"{f'{rate:.2f} (Haar 1.1, 5)':<30}{'':>10}" + _recalls(cascade, rate))
    return [
        *lines,
        _darkness(result, validation, network.card.threshold),
        _frontal(network, validation, size),
    ]


def _darkness(result: Scored, validation: Sequence[Scene], threshold: float) -> str:
    """Tell whether dark faces are found as well as light ones."""
    found = [result.best[group] >= threshold for group in thirds(darkness(validation))]
    if not all(len(group) for group in found) or not found[2].any():
        return "too few faces found to compare dark and light ones"
    dark, middle, light = (float(group.mean()) for group in found)
    return (
        f"recall of the darkest, middle, lightest third of faces (luma): {dark:.3f} {middle:.3f}"
        f" {light:.3f}; darkest / lightest {dark / light:.3f}"
    )


def _names() -> list[str]:
    ends = [f"-{end:g} px" for end in SIZES[1:]] + [" px"]
    return [f"{start:g}{end}" for start, end in zip(SIZES, ends, strict=True)]


def _recalls(result: Scored, rate: float) -> str:
    limits = [*SIZES, np.inf]
    parts = [result.recall(rate, *limits[i : i + 2]) for i in range(len(SIZES))]
    return f"{result.recall(rate):>8.3f}" + "".join(f"{part:>10.3f}" for part in parts)


def _frontal(network: FaceNetwork, validation: Sequence[Scene], size: int) -> str:
    """Tell how well the second score knows which clear faces Haar sees."""
    said: list[float] = []
    seen: list[bool] = []
    for scene in validation:
        boxes = found_in(network, scene.gray, size)
        hits = scenes.overlaps(scene.faces, boxes)
        for index, known in enumerate(scene.frontal):
            if known >= 0 and len(boxes) and hits[index].max() >= scenes.SAME_FACE:
                said.append(float(boxes[hits[index].argmax(), 5]))
                seen.append(known == 1)
    turned = np.array(said) < network.card.frontal_threshold
    truth = ~np.array(seen, bool)
    if truth.all() or not truth.any():
        return "too few clear faces found to compare those turned to the camera and away from it"
    return (
        f"{len(said)} clear faces found, {truth.sum()} not seen by Haar: of these"
        f" {turned[truth].mean():.3f} count as turned, of the others {turned[~truth].mean():.3f}"
    )


def _clips(network: FaceNetwork, where: Sequence[Path], size: int) -> list[str]:
    folder, known = where
    lines = [f"{'video':40}{'frames':>7}{'boxes':>7}{'wrong':>7}{'clear':>7}{'found':>7}"]
    faces = clips.known_faces(known)
    paths = [path for path in sorted(folder.iterdir()) if path.stem in faces]
    if not paths:
        raise RefusedFile(f"{folder}: has none of the videos of {known}")
    for path in paths:
        boxes = clips.reported(path, lambda gray: found_in(network, gray, size))
        score = clips.clip_score(faces[path.stem], boxes)
        lines.append(f"{path.stem:40}" + "".join(f"{value:>7}" for value in score[:5]))
    return lines


if __name__ == "__main__":
    sys.exit(main())
