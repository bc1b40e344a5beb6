"""Augment pictures: rotation, shift, lighting, occlusion."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import cv2
import numpy as np

from edge.errors import UsageError
from edge.records import ByteArray, FloatArray

#: Range of the sides of the rectangle that `cover` hides, as shares of the picture's side.
COVERED = (1 / 8, 1 / 3)


@dataclass(frozen=True)
class Augmentation:
    """The limit x of each random change.

    Changes are drawn uniformly from `-x..x`, or from `1 - x..1 + x`. `rotation_deg` rotates;
    `shift_x` and `shift_y` move by shares of the width and height; `shear` and `zoom` are factors
    around 0 and 1; `brighter` multiplies by `1..1 + brighter`, `contrast` stretches about the mean
    by `1 - x..1 + x`, `light` adds gray levels; `mirror` is 1 if half the pictures are mirrored;
    `cover` is the share of pictures with a rectangle hidden. Pixels from outside the picture repeat
    its edge.

    The others are shares of pictures, drawn apart, that are degraded as `convert.training.camera`
    says: `blur`, `shrink`, `dark` (with noise), `jpeg`, `uneven` (light). A teacher sees the
    picture before this.
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
    blur: float = 0.0
    shrink: float = 0.0
    dark: float = 0.0
    jpeg: float = 0.0
    uneven: float = 0.0

    @property
    def degrades(self) -> bool:
        """Whether any picture is degraded."""
        return any((self.blur, self.shrink, self.dark, self.jpeg, self.uneven))


#: Upper limit of each value, 1 for those not listed; a zoom of 1 would leave nothing.
MAX_VALUES = {"rotation_deg": 180, "light": 255, "zoom": 0.9}

#: Two pictures in five stay clean: 0.8 x 0.85 x 0.8 x 0.85 x 0.85 = 0.39.
CAMERA = {"blur": 0.2, "shrink": 0.15, "dark": 0.2, "jpeg": 0.15, "uneven": 0.15}
LIGHT = Augmentation(
    rotation_deg=10, shift_x=0.06, shift_y=0.06, zoom=0.1, contrast=0.2, light=15, mirror=1
)
STRONG = Augmentation(
    rotation_deg=12,
    shift_x=1 / 12,
    shift_y=1 / 12,
    zoom=0.14,
    contrast=0.3,
    light=25,
    mirror=1,
    cover=0.25,
)
AUGMENTATIONS = {
    "none": Augmentation(),
    # The student report's.
    "report": Augmentation(rotation_deg=5, shift_x=0.05, shear=0.05, brighter=0.3, mirror=1),
    "light": LIGHT,
    "strong": STRONG,
    # Those two as a cheap camera sees them.
    "robust-light": replace(LIGHT, **CAMERA),
    "robust": replace(STRONG, **CAMERA),
}


def parse(text: str) -> Augmentation:
    """Parse an augmentation: a name, or limits such as `rotation_deg=10,mirror=1`.

    Raises `UsageError` for an unknown name or a value out of range.
    """
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
        highest = MAX_VALUES.get(name, 1)
        if name not in names:
            valid = f"{', '.join(AUGMENTATIONS)}, or NAME=NUMBER,... with {', '.join(names)}"
            raise UsageError(f"--augment {text}: unknown '{part}'; valid: {valid}")
        if not 0 <= values[name] <= highest:
            raise UsageError(f"--augment {text}: {part}: must be from 0 to {highest}")
    return Augmentation(**values)


def augmented(picture: ByteArray, limits: Augmentation, rng: np.random.Generator) -> FloatArray:
    """Return `picture`, uint8 `(side, side)`, with random changes: float32, 0..255."""
    moved = cv2.warpAffine(
        picture,
        _movement(len(picture), limits, rng),
        picture.shape[::-1],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)
    mean = moved.mean()
    lit = (moved - mean) * (1 + limits.contrast * rng.uniform(-1, 1)) + mean
    lit = lit * (1 + limits.brighter * rng.random()) + limits.light * rng.uniform(-1, 1)
    if rng.random() < limits.cover:
        height, width = (rng.uniform(*COVERED, size=2) * len(picture)).astype(int)
        top, left = rng.integers(0, len(picture) - height), rng.integers(0, len(picture) - width)
        lit[top : top + height, left : left + width] = rng.uniform(0, 255)
    clipped: FloatArray = np.clip(lit, 0, 255).astype(np.float32)
    return clipped


def _movement(side: int, limits: Augmentation, rng: np.random.Generator) -> FloatArray:
    """Return a random affine matrix `(2, 3)` about the picture's centre."""
    angle = np.radians(limits.rotation_deg * rng.uniform(-1, 1))
    scale = 1 + limits.zoom * rng.uniform(-1, 1)
    slant = limits.shear * rng.uniform(-1, 1)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.array([[1, slant], [0, 1]])
    if rng.random() < limits.mirror / 2:
        linear = linear @ np.diag([-1, 1])
    middle = np.full(2, (side - 1) / 2)
    shift = side * np.array([limits.shift_x, limits.shift_y]) * rng.uniform(-1, 1, size=2)
    return np.column_stack([linear, middle - linear @ middle + shift])
