"""The grid of cells that tells where a picture changed, at the sizes that cameras really have."""

from __future__ import annotations

import numpy as np
import pytest

from edge.faces.motion import Motion
from edge.records import Box, ByteArray

#: The Pi cameras' own modes, and others that are not a multiple of the grid.
ODD_SIZES = [(854, 480), (720, 576), (1024, 768), (1296, 972), (1640, 1232), (2304, 1296)]
SIZES = [(640, 480), *ODD_SIZES]


def noise(width: int, height: int, deviation: float, seed: int = 0) -> ByteArray:
    levels = np.random.default_rng(seed).normal(120, deviation, (height, width))
    return np.clip(levels, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_what_changed_is_found_where_it_is(width: int, height: int) -> None:
    motion, whole = Motion((height, width)), Box(0, 0, width, height)
    before = noise(width, height, 2)
    motion.update(before)
    assert motion.scene_cut
    motion.update(before)
    assert not motion.since(1, whole)
    after = before.copy()
    left, top, side = width // 2, height // 3, width // 10
    after[top : top + side, left : left + side] = 220
    motion.update(after)
    assert not motion.scene_cut
    assert motion.since(2, Box(left, top, side, side))
    assert not motion.since(2, Box(0, 0, left - width // 20, height))


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_cameras_noise_is_no_change(width: int, height: int) -> None:
    motion = Motion((height, width))
    motion.update(noise(width, height, 3))
    for seed in range(1, 20):
        motion.update(noise(width, height, 3, seed))
        assert not motion.since(1, Box(0, 0, width, height))
