"""Put training pictures together: chosen, scaled, turned, cut, in mosaics, with things pasted."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import cv2
import numpy as np

from convert.detection.geometry import PAD, Placement, draw, placed, visible
from convert.detection.light import Light, Rng
from convert.detection.paste import Crops, occlude, paste, shade
from convert.detection.scenes import Scene
from edge.records import ByteArray, FloatArray

#: Of a picture's parts: with faces, without, and at a place that the network took for a face.
_SHARES = (0.64, 0.18, 0.18)
#: Smaller faces on the canvas are neither learned nor counted as background.
SMALLEST_PX = 8.0
#: Of a face cut by the edge this share must be left, else it is unsure, or below the second, gone.
_WHOLE, _PART = 0.6, 0.2
_LARGEST_SCALE, _SMALLEST_SCALE = 1.8, 0.15


class Mistake(NamedTuple):
    """A place where the network saw a face that is none: the scene's number, centre, size."""

    scene: int
    x: float
    y: float
    size: float


class Sample(NamedTuple):
    """A training picture: gray `(h, w)`, and its boxes as in `Scene`."""

    gray: ByteArray
    faces: FloatArray
    frontal: FloatArray
    unsure: FloatArray


@dataclass(frozen=True)
class Composer:
    """Makes samples of `scenes`; `mistakes` are the network's own false faces so far."""

    scenes: tuple[Scene, ...]
    negatives: Crops
    positives: Crops | None = None
    positive_share: float = 0.0
    mistakes: tuple[Mistake, ...] = ()
    light: Light = field(default_factory=Light.create)

    @cached_property
    def _with_faces(self) -> tuple[Any, Any]:
        """The numbers of scenes with faces, and the running sum of their chances."""
        numbers = [i for i, scene in enumerate(self.scenes) if len(scene.faces)]
        # Heads turned away or looking down are the hard ones: they come three times.
        weights = np.array([1.0 + 2.0 * (self.scenes[i].frontal == 0).any() for i in numbers])
        return np.array(numbers), np.cumsum(weights / weights.sum())

    @cached_property
    def _bare(self) -> Any:
        """The numbers of scenes without labelled faces."""
        return np.array([i for i, scene in enumerate(self.scenes) if not len(scene.faces)], int)

    @cached_property
    def _certain(self) -> Any:
        """Of these the numbers of those without anything unsure."""
        return np.array([i for i in self._bare if not len(self.scenes[i].unsure)], int)

    def sample(self, height: int, width: int, rng: Rng) -> Sample:
        """Return a new picture of that size."""
        canvas = np.full((height, width), PAD, np.uint8)
        if rng.random() < 0.3:
            x, y = int(width * rng.uniform(0.3, 0.7)), int(height * rng.uniform(0.3, 0.7))
            areas = [(0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height)]
        else:
            areas = [(0, 0, width, height)]
        parts = [self._part(canvas, area, rng) for area in areas]
        faces, frontal, unsure = (np.concatenate(kind) for kind in zip(*parts, strict=True))
        shade(canvas, faces, rng)
        occlude(canvas, faces, self.negatives, rng)
        return Sample(self.light.changed(canvas, rng), faces, frontal, unsure)

    def _part(
        self, canvas: ByteArray, area: tuple[int, int, int, int], rng: Rng
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        left, top, right, bottom = area
        part = canvas[top:bottom, left:right]
        size = right - left, bottom - top
        kind = int(np.searchsorted(np.cumsum(_SHARES), rng.random()))
        if kind == 2 and self.mistakes:
            scene, how = self._mistake(size, rng)
        elif kind == 0 or not len(self._bare):
            numbers, chances = self._with_faces
            scene = self.scenes[numbers[np.searchsorted(chances, rng.random())]]
            how = _on_face(scene, size, rng) if rng.random() < 0.75 else _whole(scene, size, rng)
        else:
            scene = self.scenes[rng.choice(self._bare)]
            how = _whole(scene, size, rng)
        filled = np.ascontiguousarray(part)
        draw(scene.gray, how, filled, self._beside(filled, rng))
        faces, frontal, unsure = kept(scene, how, size)
        if not len(scene.faces):
            faces, frontal = self._pasted(filled, faces, frontal, rng)
        part[:] = filled
        offset = np.array([left, top, 0, 0], np.float32)
        return faces + offset, frontal, unsure + offset

    def _beside(self, canvas: ByteArray, rng: Rng) -> int:
        """Choose what is beside a picture: gray, its edge, or one without faces."""
        draw_lot = rng.random()
        if draw_lot < 0.35:
            return cv2.BORDER_CONSTANT
        if draw_lot < 0.5 or not len(self._certain):
            return cv2.BORDER_REPLICATE
        scene = self.scenes[rng.choice(self._certain)]
        height, width = canvas.shape
        tall, wide = scene.gray.shape
        scale = max(height / tall, width / wide)
        how = Placement((wide / 2, tall / 2), (width / 2, height / 2), scale)
        draw(scene.gray, how, canvas, cv2.BORDER_REPLICATE)
        return cv2.BORDER_TRANSPARENT

    def _pasted(
        self, gray: ByteArray, faces: FloatArray, frontal: FloatArray, rng: Rng
    ) -> tuple[FloatArray, FloatArray]:
        """Add things that look like faces and, sometimes, faces, to a scene without any."""
        if rng.random() < 0.5:
            for _ in range(int(rng.integers(1, 4))):
                paste(gray, self.negatives, rng)
        if self.positives is not None and rng.random() < self.positive_share:
            box = paste(gray, self.positives, rng)
            if box is not None and box[3] >= SMALLEST_PX:
                faces = np.concatenate([faces, box[None]])
                frontal = np.append(frontal, np.float32(-1))
        return faces, frontal

    def _mistake(self, size: tuple[int, int], rng: Rng) -> tuple[Scene, Placement]:
        mistake = self.mistakes[int(rng.integers(len(self.mistakes)))]
        scale = np.clip(rng.uniform(0.6, 1.6), 8 / mistake.size, 0.9 * min(size) / mistake.size)
        return self.scenes[mistake.scene], _around((mistake.x, mistake.y), float(scale), size, rng)


def _on_face(scene: Scene, size: tuple[int, int], rng: Rng) -> Placement:
    """Place one of the faces: up to nine tenths of the canvas, often small."""
    x, y, width, height = scene.faces[int(rng.integers(len(scene.faces)))]
    largest = 0.9 * min(size)
    if rng.random() < 0.3:
        largest = min(40.0, largest)
    wanted = np.exp(rng.uniform(np.log(10), np.log(largest)))
    scale = np.clip(wanted / height, _SMALLEST_SCALE, _LARGEST_SCALE)
    return _around((x + width / 2, y + height / 2), float(scale), size, rng)


def _around(
    centre: tuple[float, float], scale: float, size: tuple[int, int], rng: Rng
) -> Placement:
    target = (size[0] * rng.uniform(0.15, 0.85), size[1] * rng.uniform(0.15, 0.85))
    return Placement(centre, target, scale, _angle(rng), bool(rng.random() < 0.5))


def _whole(scene: Scene, size: tuple[int, int], rng: Rng) -> Placement:
    """Place the picture as a letterbox shows it, or a little nearer or farther."""
    height, width = scene.gray.shape
    fit = min(size[0] / width, size[1] / height)
    scale = min(fit * rng.uniform(0.8, 1.5), _LARGEST_SCALE)
    centre = (width * rng.uniform(0.4, 0.6), height * rng.uniform(0.4, 0.6))
    return Placement(
        centre, (size[0] / 2, size[1] / 2), scale, _angle(rng), bool(rng.random() < 0.5)
    )


def _angle(rng: Rng) -> float:
    """Return degrees: upright in half of the cases, else up to 22 to either side."""
    return 0.0 if rng.random() < 0.5 else float(rng.uniform(-22, 22))


def kept(
    scene: Scene, how: Placement, size: tuple[int, int]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return a scene's faces, frontal and unsure, placed on a canvas `size` (w, h)."""
    faces, unsure = placed(scene.faces, how), placed(scene.unsure, how)
    area = (0.0, 0.0, float(size[0]), float(size[1]))
    share = visible(faces, area)
    large = np.maximum(faces[:, 2], faces[:, 3]) >= SMALLEST_PX
    good = (share >= _WHOLE) & large
    doubtful = faces[~good & (share >= _PART)]
    unsure = np.concatenate([unsure[visible(unsure, area) > 0], doubtful])
    return faces[good], scene.frontal[good], unsure
