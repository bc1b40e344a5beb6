"""Group faces by how dark they are, to see whether a detector serves all of them alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convert.detection.scenes import Scene
from convert.detection.score import SMALLEST_PX
from edge.records import FloatArray

#: Of smaller faces hair, shade and background mix into the few pixels.
CLEAR_PX = 24.0


def darkness(scenes: Sequence[Scene]) -> FloatArray:
    """Return each wanted face's lightness, in the order of `score.scored`.

    It is NaN below `CLEAR_PX`.
    The median luma of the middle half of the face's box, as a share of the picture's 90th
    percentile. Nobody labelled skin: light and shadow count as much as skin does here.
    """
    shares = []
    for scene in scenes:
        white = max(1.0, float(np.percentile(scene.gray, 90)))
        for x, y, w, h in scene.faces[scene.faces[:, 3] >= SMALLEST_PX]:
            left, top = max(0, int(x + w / 4)), max(0, int(y + h / 4))
            inside = scene.gray[top : int(y + h * 3 / 4) + 1, left : int(x + w * 3 / 4) + 1]
            clear = h >= CLEAR_PX and inside.size
            shares.append(float(np.median(inside)) / white if clear else np.nan)
    return np.array(shares, np.float32)


def thirds(shares: FloatArray) -> list[FloatArray]:
    """Return masks `(n,)` of the darkest, middle and lightest third of the faces."""
    low, high = np.nanpercentile(shares, [100 / 3, 200 / 3])
    known = ~np.isnan(shares)
    return [
        known & (shares < low),
        known & (shares >= low) & (shares < high),
        known & (shares >= high),
    ]
