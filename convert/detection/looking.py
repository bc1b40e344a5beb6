"""The face network on a whole picture, for comparing its boxes with labels."""

from __future__ import annotations

import numpy as np

from edge.faces.network import FaceNetwork, Size
from edge.faces.verifier import log_odds
from edge.records import Box, ByteArray, FloatArray


def found_in(
    network: FaceNetwork, gray: ByteArray, longest_px: int, threshold: float | None = None
) -> FloatArray:
    """Return the boxes in a picture, the surest first, in its pixels.

    Float32 `(n, 6)`: x, y, width, height, and as probabilities score and frontal. The picture is
    shrunk until its longer side is `longest_px`; `threshold`, a probability, is the card's unless
    given.
    """
    height, width = gray.shape
    scale, multiple = min(1.0, longest_px / max(height, width)), network.card.multiple
    across, down = (-(-max(1, round(side * scale)) // multiple) for side in (width, height))
    size = Size(across * multiple, down * multiple)
    least = log_odds(network.card.threshold if threshold is None else threshold)
    found = network.boxes(gray, Box(0, 0, width, height), size, least)
    found[:, 4:] = 1 / (1 + np.exp(-found[:, 4:]))
    return np.asarray(found, np.float32)
