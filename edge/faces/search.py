"""The network's search for new faces: the whole picture, and tiles of a large one."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from edge.faces.motion import Motion
from edge.faces.network import FaceNetwork, Seen, Size
from edge.records import Box, ByteArray

#: Pixels of the network's input: what a look costs.
_INPUT_PX = 65_536
#: The network sees faces from this width on, in its input.
_LEAST_PX = 10
#: Where nothing changes, the picture is searched again after this time: the network may err.
_AGAIN_S = 10.0
#: Intervals shorter than this come often: a tile's look then takes the place of the whole's.
_OFTEN_S = 0.5


@dataclass(slots=True)
class _View:
    """A part of the picture; `frame` is the last one in which it was looked at."""

    area: Box
    frame: int = -1


class Search:
    """Looks at one view a frame at most: the whole picture at each interval, at every other a tile.

    Where intervals are short, a tile instead of the whole at every third: a large picture costs no
    more looks than a small one. `least` is the score from which a place may be a face.
    """

    def __init__(
        self, network: FaceNetwork, least: float, shape: tuple[int, ...], least_px: int
    ) -> None:
        height, width = shape
        self._network, self._least = network, least
        self._size = input_size(width, height, network.card.multiple)
        self._whole = _View(Box(0, 0, width, height))
        self._tiles = [_View(area) for area in tiles(width, height, self._size, least_px)]
        self._next_tile = itertools.cycle(self._tiles)
        self._searches = 0
        self._waiting: list[_View] = []
        self._searched_s = self._saw_change_s = -math.inf
        self.done = False
        """Whether everything that changed was looked at."""

    def restart(self) -> None:
        """Forget what was looked at: another scene."""
        for view in (self._whole, *self._tiles):
            view.frame = -1
        self._searches, self._waiting, self._searched_s = 0, [], -math.inf

    def everywhere(self, gray: ByteArray) -> list[Seen]:
        """Return the places in a whole picture that may be faces."""
        return [place for v in (self._whole, *self._tiles) for place in self._detect(gray, v)]

    def step(self, gray: ByteArray, motion: Motion, now_s: float, interval_s: float) -> list[Seen]:
        """Return the places that may be faces in this frame's view."""
        if not self._waiting and now_s >= self._searched_s + interval_s - 0.001:
            self._waiting = self._due(motion, now_s, often=interval_s < _OFTEN_S)
            self._searched_s = now_s
        if not self._waiting:
            return []
        view = self._waiting.pop(0)
        view.frame = motion.frame
        return self._detect(gray, view)

    def _detect(self, gray: ByteArray, view: _View) -> list[Seen]:
        return self._network.detect(gray, view.area, self._size, self._least)

    def _due(self, motion: Motion, now_s: float, *, often: bool) -> list[_View]:
        """Return the views of this interval."""
        changed = [v for v in (self._whole, *self._tiles) if motion.since(v.frame, v.area)]
        self.done = not changed
        again = now_s >= self._saw_change_s + _AGAIN_S
        if changed or again:
            self._saw_change_s = now_s
        whole = [self._whole] if again or self._whole in changed else []
        tiles_turn = self._searches % 3 == 2 if often else self._searches % 2 == 0
        self._searches += 1
        for _ in self._tiles if tiles_turn else ():
            tile = next(self._next_tile)
            if again or tile in changed:
                return [tile] if often else [*whole, tile]
        return whole


def input_size(width: int, height: int, multiple: int) -> Size:
    """Return the input in which a picture appears largest, for the cost of a look."""
    sides = range(multiple, _INPUT_PX // multiple + 1, multiple)
    sizes = [Size(w, h) for w in sides for h in sides if w * h <= _INPUT_PX]
    return max(sizes, key=lambda s: (min(1.0, s.width / width, s.height / height), -s[0] * s[1]))


def tiles(width: int, height: int, size: Size, least_px: int) -> list[Box]:
    """Return areas in which faces of `least_px` are large enough.

    None where they are so in the whole.
    They overlap by the width of the largest face that only they show so.
    """
    whole = min(size.width / width, size.height / height)
    needed = _LEAST_PX / least_px
    if whole >= needed:
        return []
    overlap = math.ceil(_LEAST_PX / whole)
    columns = _spread(width, math.floor(size.width / needed), overlap)
    rows = _spread(height, math.floor(size.height / needed), overlap)
    return [Box(x, y, w, h) for y, h in rows for x, w in columns]


def _spread(length: int, tile: int, overlap: int) -> list[tuple[int, int]]:
    """Return starts and lengths of tiles that cover a side."""
    if tile >= length:
        return [(0, length)]
    count = math.ceil((length - overlap) / max(1, tile - overlap))
    return [(round(at * (length - tile) / (count - 1)), tile) for at in range(count)]
