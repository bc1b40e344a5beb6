"""Where the network looks: nothing of its input is wasted, no small face falls between tiles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.faces.motion import Motion
from edge.faces.network import FaceNetwork, Seen, Size
from edge.faces.search import Search, input_size, tiles
from edge.packaged import FACES
from edge.records import Box, ByteArray

#: Pictures of videos and of the Pi's cameras, upright ones, too.
SIZES = [(640, 480), (854, 480), (1296, 972), (1640, 1232), (1920, 1080), (3840, 2160)]
SIZES += [(height, width) for width, height in SIZES]


class Counting(FaceNetwork):
    """Knows the widths of what it looked at."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.widths: list[int] = []

    def detect(self, gray: ByteArray, area: Box, size: Size, least: float) -> list[Seen]:
        self.widths.append(area.width)
        return super().detect(gray, area, size, least)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_input_has_the_shape_of_the_picture(width: int, height: int) -> None:
    size = input_size(width, height, 32)
    scale = min(size.width / width, size.height / height)
    assert size.width % 32 == size.height % 32 == 0
    assert 45_000 < size.width * size.height <= 65_536
    assert width * height * scale**2 > 0.85 * size.width * size.height


def test_a_small_picture_is_not_looked_at_larger_than_it_is() -> None:
    assert input_size(100, 60, 32) == (128, 64)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("least_px", [24, 30, 60])
def test_every_small_face_lies_wholly_in_a_view_that_shows_it(
    width: int, height: int, least_px: int
) -> None:
    size = input_size(width, height, 32)
    whole = Box(0, 0, width, height)
    views = [whole, *tiles(width, height, size, least_px)]
    rng = np.random.default_rng(0)
    for _ in range(300):
        side = int(rng.integers(least_px, 2 * least_px))
        x, y = int(rng.integers(width - side)), int(rng.integers(height - side))
        shown = [
            side * min(1.0, size.width / view.width, size.height / view.height)
            for view in views
            if view.x <= x
            and view.y <= y
            and x + side <= view.x + view.width
            and y + side <= view.y + view.height
        ]
        assert max(shown) > 9.8


def test_where_the_whole_shows_small_faces_there_are_no_tiles() -> None:
    assert tiles(640, 480, input_size(640, 480, 32), 30) == []
    assert len(tiles(1296, 972, input_size(1296, 972, 32), 30)) == 4


def views(interval_s: float) -> list[list[int]]:
    """The width of every view of each of 40 frames, ten a second; everything changes all the time.

    1296 is the whole picture.
    """
    network, shape = Counting(FACES), (972, 1296)
    search, motion = Search(network, 0.0, shape, 30), Motion(shape)
    rng = np.random.default_rng(0)
    looks = []
    for at in range(40):
        gray = rng.integers(0, 256, shape, np.uint8)
        motion.update(gray)
        network.widths = []
        search.step(gray, motion, at / 10, interval_s)
        looks.append(network.widths)
    return looks


def test_each_interval_brings_the_whole_and_every_other_one_a_tile() -> None:
    looks = views(0.5)
    assert sum(widths == [1296] for widths in looks) == 8
    assert sum(map(len, looks)) == 8 + 4
    assert [len(widths) for widths in looks[:7]] == [1, 1, 0, 0, 0, 1, 0]


def test_where_intervals_are_short_each_brings_one_view_and_every_third_a_tile() -> None:
    looks = [widths for widths in views(0.2) if widths]
    assert len(looks) == 20
    assert all(len(widths) == 1 for widths in looks)
    assert [widths == [1296] for widths in looks] == ([True, True, False] * 7)[:20]


def test_a_still_picture_is_looked_at_once_and_seldom_again() -> None:
    shape = 972, 1296
    network = Counting(FACES)
    search, motion = Search(network, 0.0, shape, 30), Motion(shape)
    gray = np.full(shape, 90, np.uint8)
    for at in range(60 * 15):
        motion.update(gray)
        search.step(gray, motion, at / 15, 0.2)
    assert search.done
    assert len(network.widths) <= 5 + 2 * 6
