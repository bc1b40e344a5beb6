"""Pictures as a camera might also have seen them: turned, moved, lit otherwise, partly covered."""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np

from edge.errors import UsageError
from edge.records import ByteArray, FloatArray

#: Sides of what `cover` hides, as shares of the picture's side.
COVERED = (1 / 8, 1 / 3)


@dataclass(frozen=True)
class Augmentation:
    """How far each change may go; each is drawn evenly from `-x..x`, or from `1 - x..1 + x`.

    `rotation_deg` turns; `shift_x` and `shift_y` move by shares of the width and height; `shear`
    and `zoom` are factors about 0 and 1; `brighter` multiplies by `1..1 + brighter`, `contrast`
    stretches about the mean by `1 - x..1 + x`, `light` adds grey levels; `mirror` is 1 where
    half the pictures are mirrored; `cover` is the share of pictures with a rectangle hidden.
    What comes in from outside repeats the edge.
    """

    rotation_deg: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    brighter: float = 0.0
    contrast: float = 0.0
    light: float = 0.0
    mirror: float = 0.0
    cover: float = 0.0


#: The most that makes sense of each, of those not named 1; zoomed by 1, nothing would be left.
MOST = {"rotation_deg": 180, "light": 255, "zoom": 0.9}

AUGMENTATIONS = {
    "none": Augmentation(),
    # What the student report trained with.
    "report": Augmentation(rotation_deg=5, shift_x=0.05, shear=0.05, brighter=0.3, mirror=1),
    "light": Augmentation(
        rotation_deg=10,
        shift_x=0.06,
        shift_y=0.06,
        zoom=0.1,
        contrast=0.2,
        light=15,
        mirror=1,
    ),
    "strong": Augmentation(
        rotation_deg=12,
        shift_x=1 / 12,
        shift_y=1 / 12,
        zoom=0.14,
        contrast=0.3,
        light=25,
        mirror=1,
        cover=0.25,
    ),
}


def parse(text: str) -> Augmentation:
    """`report`, or `rotation_deg=10,mirror=1`; raises `UsageError`."""
    if text in AUGMENTATIONS:
        return AUGMENTATIONS[text]
    names = [field.name for field in fields(Augmentation)]
    values = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        try:
            values[name] = float(value)
        except ValueError:
            values[name] = -1.0
        most = MOST.get(name, 1)
        if name not in names:
            wanted = f"{', '.join(AUGMENTATIONS)}, or NAME=NUMBER,... of {', '.join(names)}"
            raise UsageError(f"--augment {text}: '{part}' is none of {wanted}")
        if not 0 <= values[name] <= most:
            raise UsageError(f"--augment {text}: {part}: must be from 0 to {most}")
    return Augmentation(**values)


def augmented(picture: ByteArray, how: Augmentation, rng: np.random.Generator) -> FloatArray:
    """`picture`, uint8 `(side, side)`, changed; float32 of the same shape, 0..255."""
    moved = cv2.warpAffine(
        picture,
        _movement(len(picture), how, rng),
        picture.shape[::-1],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)
    mean = moved.mean()
    lit = (moved - mean) * (1 + how.contrast * rng.uniform(-1, 1)) + mean
    lit = lit * (1 + how.brighter * rng.random()) + how.light * rng.uniform(-1, 1)
    if rng.random() < how.cover:
        height, width = (rng.uniform(*COVERED, size=2) * len(picture)).astype(int)
        top, left = rng.integers(0, len(picture) - height), rng.integers(0, len(picture) - width)
        lit[top : top + height, left : left + width] = rng.uniform(0, 255)
    clipped: FloatArray = np.clip(lit, 0, 255).astype(np.float32)
    return clipped


def _movement(side: int, how: Augmentation, rng: np.random.Generator) -> FloatArray:
    """The affine matrix `(2, 3)`, about the picture's middle."""
    angle = np.radians(how.rotation_deg * rng.uniform(-1, 1))
    scale = 1 + how.zoom * rng.uniform(-1, 1)
    slant = how.shear * rng.uniform(-1, 1)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.array([[1, slant], [0, 1]])
    if rng.random() < how.mirror / 2:
        linear = linear @ np.diag([-1, 1])
    middle = np.full(2, (side - 1) / 2)
    shift = side * np.array([how.shift_x, how.shift_y]) * rng.uniform(-1, 1, size=2)
    return np.column_stack([linear, middle - linear @ middle + shift])
