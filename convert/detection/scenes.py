"""The labelled pictures that the face detector learns from, decoded once and kept in memory."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.errors import RefusedFile, first_line
from edge.records import ByteArray, FloatArray

SCENES, NEGATIVES = "faces_scenes.npz", "faces_negatives.npz"
#: Their terms allow no commercial use, and the detector is for everyone.
LEFT_OUT = ("utk",)
#: From this height on, a face that Haar's frontal cascade does not see is taken as turned away.
CLEAR_PX = 40.0
#: Haar's box and a label's are of one face if they overlap (IoU) by this.
SAME_FACE = 0.3
#: Pictures with less variation show nothing.
_BLANK = 8.0
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Scene:
    """One gray picture, uint8 `(h, w)`, and what is known of its faces.

    `faces` float32 `(n, 4)` and `unsure` `(m, 4)` are x, y, width, height in pixels; `frontal`
    `(n,)` is 1 where Haar sees the face, 0 where it does not though it should, -1 unknown.
    `haar` are Haar's own boxes `(k, 4)`, `haar_false` `(k,)` says which lie on no face.
    """

    gray: ByteArray
    faces: FloatArray
    unsure: FloatArray
    frontal: FloatArray
    haar: FloatArray
    haar_false: Any
    source: str


@dataclass(frozen=True)
class Scenes:
    """The pictures of one split, and Haar's false faces `(n, 48, 48)` to paste."""

    scenes: tuple[Scene, ...]
    negatives: ByteArray


def overlaps(boxes: FloatArray, others: FloatArray) -> FloatArray:
    """Return the IoU `(n, m)` of boxes `(n, 4+)` and `(m, 4+)`, as x, y, w, h."""
    first, second = boxes[:, None, :4], others[None, :, :4]
    corner = np.maximum(first[..., :2], second[..., :2])
    end = np.minimum(first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:])
    common = np.clip(end - corner, 0, None).prod(-1)
    union = first[..., 2:].prod(-1) + second[..., 2:].prod(-1) - common
    return np.asarray(common / np.maximum(union, 1e-6), np.float32)


def frontal(faces: FloatArray, haar: FloatArray) -> FloatArray:
    """Return 1 for faces with a Haar box, 0 for clear ones without, -1 for small."""
    seen = (overlaps(faces, haar) >= SAME_FACE).any(axis=1) if len(haar) else np.zeros(len(faces))
    clear = faces[:, 3] >= CLEAR_PX
    return np.where(seen, 1.0, np.where(clear, 0.0, -1.0)).astype(np.float32)


def load(folder: Path, validation: bool) -> Scenes:
    """Return the training or the validation pictures of `folder`.

    Raises `RefusedFile` where a file is missing or is not what it should be.
    """
    split = int(validation)
    content, crops = _arrays(folder / SCENES), _arrays(folder / NEGATIVES)
    try:
        names = content["source_names"]
        indices = [
            index
            for index in np.flatnonzero(content["split"] == split)
            if str(names[content["source"][index]]) not in LEFT_OUT
        ]
        scenes = tuple(
            _scene(content, index, str(names[content["source"][index]])) for index in indices
        )
        negatives = crops["crops"][crops["split"] == split]
    except (KeyError, IndexError, TypeError, cv2.error) as error:
        raise RefusedFile(
            f"{folder}: not the face detector's pictures ({first_line(error)})"
        ) from error
    if not scenes:
        raise RefusedFile(f"{folder / SCENES}: has no pictures of this split")
    return Scenes(scenes, negatives)


def close_faces(path: Path) -> ByteArray:
    """Return FER2013's training faces without blank ones, `(n, 48, 48)`.

    They are `x_train` of an `.npz`.
    """
    content = _arrays(path)
    faces = content.get("x_train")
    if faces is None or faces.dtype != np.uint8 or faces.shape[1:] != (48, 48):
        raise RefusedFile(f"{path}: must have x_train, uint8 (n, 48, 48)")
    return np.asarray(faces[faces.std(axis=(1, 2)) > _BLANK], np.uint8)


def _arrays(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except _DAMAGED as error:
        raise RefusedFile(f"{path}: cannot be read ({first_line(error)})") from error


def _scene(content: dict[str, Any], index: int, source: str) -> Scene:
    start, end = content["offsets"][index], content["offsets"][index + 1]
    gray = cv2.imdecode(content["jpeg"][start:end], cv2.IMREAD_GRAYSCALE)
    if gray is None:
        raise IndexError(f"picture {index} is damaged")
    faces, unsure, haar = (
        content[kind][content[f"{kind}_picture"] == index][:, :4].astype(np.float32)
        for kind in ("boxes", "ignore", "haar")
    )
    false = content["haar_false"][content["haar_picture"] == index]
    return Scene(
        np.asarray(gray, np.uint8), faces, unsure, frontal(faces, haar), haar, false, source
    )
