"""From the face network's answers, integers in grids, to one box for each face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from edge.faces.network_card import Level

if TYPE_CHECKING:
    import numpy.typing as npt

    DoubleArray: TypeAlias = npt.NDArray[np.float64]
else:  # as in `edge.records`
    DoubleArray = object
#: Two boxes are of one face if they overlap (IoU) more, or if this much of the smaller is inside.
_SAME_FACE, _INSIDE = 0.4, 0.8


class Answer(NamedTuple):
    """A tensor `(h, w, c)`, and how its integers become numbers: (integer - zero) * scale."""

    values: npt.NDArray[np.int8]
    scale: float = 1.0
    zero: int = 0


def decoded(level: Level, scores: Answer, boxes: Answer, least: float) -> DoubleArray:
    """Return a level's boxes `(n, 6)`: x, y, w, h, score, frontal.

    The last two are log odds.
    Boxes with a lower score than `least` are left out.
    """
    # Compared as integers: nearly all cells say no, and only the others become numbers.
    lowest = least / scores.scale + scores.zero
    rows, columns = np.nonzero(scores.values[..., 0] >= lowest)
    if not len(rows):
        return np.zeros((0, 6))
    # In double precision: exponentials of single precision differ between processors.
    odds = (scores.values[rows, columns].astype(np.float64) - scores.zero) * scores.scale
    answers = (boxes.values[rows, columns].astype(np.float64) - boxes.zero) * boxes.scale
    centres = (np.stack([columns, rows], 1) + 0.5 + answers[:, :2]) * level.stride
    sizes = np.exp(np.clip(answers[:, 2:], -3, 3)) * level.base_px
    return np.concatenate([centres - sizes / 2, sizes, odds], 1)


def deduplicate(levels: Sequence[DoubleArray]) -> DoubleArray:
    """Return the boxes `(n, 6)` with the best score of each face, the best first."""
    found = np.concatenate(levels)
    found = found[np.argsort(-found[:, 4], kind="stable")]
    low, high = found[:, :2], found[:, :2] + found[:, 2:4]
    areas = found[:, 2] * found[:, 3]
    kept: list[int] = []
    for index in range(len(found)):
        common = np.minimum(high[kept], high[index]) - np.maximum(low[kept], low[index])
        shared = np.clip(common, 0, None).prod(1)
        alike = shared > _SAME_FACE * (areas[kept] + areas[index] - shared)
        inside = shared > _INSIDE * np.minimum(areas[kept], areas[index])
        if not (alike | inside).any():
            kept.append(index)
    return found[kept]
