"""How many labelled faces a detector finds, at how many false boxes in a hundred pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convert.detection.scenes import Scene, overlaps
from edge.records import FloatArray

#: A box is a face's if they overlap (IoU) by this.
RIGHT = 0.3
#: Smaller labelled faces, in pixels of height, are neither wanted nor wrong.
SMALLEST_PX = 10.0
#: False boxes in a hundred pictures at which recall is reported.
RATES = (1.0, 2.0, 5.0)
#: Lowest heights of the groups of faces, in pixels.
SIZES = (10.0, 20.0, 40.0, 80.0)


@dataclass(frozen=True)
class Scored:
    """Scores of the boxes on no face (`false`), and what is known of the wanted faces.

    Of each: the `best` score of a box on it (-inf without) and its height in pixels.
    """

    pictures: int
    false: FloatArray
    best: FloatArray
    heights: FloatArray

    def threshold(self, rate: float) -> float:
        """Return the score above which `rate` false boxes in a hundred pictures are left."""
        allowed = int(rate * self.pictures / 100)
        if allowed >= len(self.false):
            return -np.inf
        return float(np.sort(self.false)[::-1][allowed])

    def recall(self, rate: float, smallest: float = 0, largest: float = np.inf) -> float:
        """Return the share of faces of some heights found at a rate of false boxes."""
        chosen = (self.heights >= smallest) & (self.heights < largest)
        if not chosen.any():
            return float("nan")
        return float((self.best[chosen] > self.threshold(rate)).mean())


def scored(scenes: Sequence[Scene], found: Sequence[FloatArray]) -> Scored:
    """Match boxes `(n, 5+)` x, y, w, h, score of each picture with its labels."""
    false: list[float] = []
    best: list[FloatArray] = []
    heights: list[FloatArray] = []
    for scene, boxes in zip(scenes, found, strict=True):
        wanted = scene.faces[:, 3] >= SMALLEST_PX
        hits = overlaps(boxes, scene.faces) >= RIGHT
        false += boxes[wrong(scene, boxes), 4].tolist()
        scores = np.where(hits, boxes[:, 4:5], -np.inf).max(axis=0, initial=-np.inf)
        best.append(scores[wanted])
        heights.append(scene.faces[wanted, 3])
    return Scored(
        len(scenes), np.array(false, np.float32), np.concatenate(best), np.concatenate(heights)
    )


def wrong(scene: Scene, boxes: FloatArray) -> Any:
    """Tell which boxes lie on no face and not mostly within an unsure place."""
    known = np.concatenate([scene.faces, scene.unsure])
    if not len(boxes) or not len(known):
        return np.ones(len(boxes), bool)
    low = np.maximum(boxes[:, None, :2], known[None, :, :2])
    high = np.minimum(
        boxes[:, None, :2] + boxes[:, None, 2:4], known[None, :, :2] + known[None, :, 2:4]
    )
    within = np.clip(high - low, 0, None).prod(-1) / boxes[:, None, 2:4].prod(-1)
    unsure = within[:, len(scene.faces) :] >= 0.5
    on_known = (overlaps(boxes, known) >= RIGHT).any(1)
    return np.asarray(~(on_known | unsure.any(1)))
