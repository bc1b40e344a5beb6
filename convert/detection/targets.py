"""What the network should answer in each cell of its levels, for the faces of a picture."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from edge.records import FloatArray


class Level(NamedTuple):
    """One of the network's grids: a cell every `stride` pixels, for faces of some sizes.

    A cell's box is `base_px` times e to the power of its answer; `smallest_px` to `largest_px`
    (roots of areas) are the faces that it is trained on. Neighbouring levels overlap.
    """

    stride: int
    base_px: float
    smallest_px: float
    largest_px: float


LEVELS = (
    Level(8, 16.0, 0.0, 34.0),
    Level(16, 44.0, 26.0, 84.0),
    Level(32, 120.0, 66.0, 1e9),
)
#: Columns of a target: weight of the score (0: ignored), 1 for a face's cell, the face's box as
#: centre and size in pixels, frontal (1, 0, or -1 for unknown).
WEIGHT, FACE, BOX, FRONTAL = 0, 1, slice(2, 6), 6
COLUMNS = 7
#: A cell is a face's where it lies within this share of the size of its centre, at least within
#: this many strides.
_NEAR, _LEAST_STRIDES = 0.22, 0.75


@lru_cache(maxsize=64)
def cells(height: int, width: int, level: Level) -> FloatArray:
    """Return the centres of a level's cells, `(rows * columns, 2)`, by rows.

    They are x and y in pixels.
    """
    rows, columns = height // level.stride, width // level.stride
    y, x = np.mgrid[:rows, :columns]
    return np.asarray((np.stack([x, y], -1).reshape(-1, 2) + 0.5) * level.stride, np.float32)


def targets(
    height: int, width: int, faces: FloatArray, frontal: FloatArray, unsure: FloatArray
) -> FloatArray:
    """Return all levels' targets, one after the other: float32 `(cells, COLUMNS)`."""
    return np.concatenate(
        [_level(cells(height, width, level), level, faces, frontal, unsure) for level in LEVELS]
    )


def _level(
    centres: FloatArray,
    level: Level,
    faces: FloatArray,
    frontal: FloatArray,
    unsure: FloatArray,
) -> FloatArray:
    answer = np.zeros((len(centres), COLUMNS), np.float32)
    answer[:, WEIGHT], answer[:, FRONTAL] = 1, -1
    # A box smaller than a cell has its nearest centre outside of it.
    reach = np.maximum(unsure[:, 2:] / 2, level.stride)
    answer[_near(centres, unsure, reach).any(0), WEIGHT] = 0
    sizes = np.sqrt(faces[:, 2] * faces[:, 3])
    order = np.argsort(-sizes)  # of two faces in one place the smaller is in front
    order = order[(sizes[order] >= level.smallest_px) & (sizes[order] < level.largest_px)]
    reach = np.maximum(faces[order, 2:] * _NEAR, level.stride * _LEAST_STRIDES)
    for index, near in zip(order, _near(centres, faces[order], reach), strict=True):
        x, y, w, h = faces[index]
        answer[near] = (1, 1, x + w / 2, y + h / 2, w, h, frontal[index])
    return answer


def _near(centres: FloatArray, boxes: FloatArray, reach: FloatArray) -> Any:
    """Return the cells `(n, cells)` within `reach` of the centre of each of `boxes`.

    `boxes` are `(n, 4)`.
    """
    middle = boxes[:, :2] + boxes[:, 2:] / 2
    apart = np.abs(centres[None] - middle[:, None])
    return (apart <= reach[:, None]).all(2)
