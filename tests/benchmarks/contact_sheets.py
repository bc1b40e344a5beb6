"""Sheets of frames with the reported faces drawn in, for a person to look at.

    python -m tests.benchmarks.contact_sheets VIDEOS FOLDER [--frames N] [--known NPZ]

Writes `<video>.png` for each video to FOLDER: N frames, evenly spaced, with each face's number.
Green: a face; violet: a head turned away; a thin line: a strong detector's face (with `--known`,
the shared `clip_faces.npz`), yellow where it is certain. They show people: keep them to yourself.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from edge.bench.scenes import played
from edge.config.schema import FacesConfig
from edge.faces.detector import Detector
from edge.records import Box, ByteArray, Face
from tests.support.known_faces import VIDEOS, Known, known_faces

Picture = npt.NDArray[np.uint8]
_GREEN, _VIOLET, _YELLOW, _BROWN = (0, 220, 0), (255, 0, 200), (0, 255, 255), (0, 110, 140)
_WIDTH, _COLUMNS = 426, 4


def drawn(gray: ByteArray, faces: Sequence[Face], known: Sequence[Known]) -> Picture:
    """One frame in colour with its faces, shrunk to a sheet's column."""
    picture = np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), np.uint8)
    for one in known:
        _rectangle(picture, one.box, _YELLOW if one.clear else _BROWN, 1)
    for face in faces:
        colour = _VIOLET if face.turned else _GREEN
        _rectangle(picture, face.box, colour, 2)
        cv2.putText(picture, str(face.track), face.box[:2], 0, 0.8, colour, 2)
    size = _WIDTH, round(_WIDTH * gray.shape[0] / gray.shape[1])
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _rectangle(picture: Picture, box: Box, colour: tuple[int, int, int], thick: int) -> None:
    x, y, width, height = box
    cv2.rectangle(picture, (x, y), (x + width, y + height), colour, thick)


def sheet(path: Path, count: int, known: Sequence[Sequence[Known]]) -> Picture:
    """`count` frames of the video at `path`, in rows."""
    detector, pictures = Detector(FacesConfig()), []
    for at, frame in enumerate(played(str(path), None)):
        pictures.append(drawn(frame.gray, detector.find(frame), known[at] if known else ()))
    chosen = [pictures[at] for at in np.linspace(0, len(pictures) - 1, count).astype(int)]
    chosen += [np.zeros_like(chosen[0])] * (-count % _COLUMNS)
    rows = [np.hstack(chosen[at : at + _COLUMNS]) for at in range(0, len(chosen), _COLUMNS)]
    return np.vstack(rows)


def main() -> None:
    """Write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--known", type=Path)
    options = parser.parse_args()
    known = known_faces(options.known) if options.known else {}
    for path in sorted(options.videos.iterdir()):
        if path.suffix in VIDEOS:
            picture = sheet(path, options.frames, known.get(path.stem, ()))
            cv2.imwrite(str(options.folder / f"{path.stem}.png"), picture)


if __name__ == "__main__":
    main()
