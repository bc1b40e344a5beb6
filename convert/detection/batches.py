"""Batches of training pictures and targets, composed in a thread beside the training itself."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from convert.detection.compose import Composer
from convert.detection.targets import targets
from edge.records import ByteArray, FloatArray

#: Heights and widths of the canvas; all of one batch are alike.
SIZES = ((160, 256), (160, 256), (192, 224), (256, 160), (96, 160), (192, 320))
#: A batch has as many pixels, whatever their size.
_PIXELS = 160 * 256
_AHEAD = 3


class Batch(NamedTuple):
    """Pictures uint8 `(n, h, w, 1)` and targets float32 `(n, cells, COLUMNS)`."""

    pixels: ByteArray
    wanted: FloatArray


def batch(composer: Composer, size: int, seed: tuple[int, ...]) -> Batch:
    """Return the batch that belongs to `seed`: `size` pictures if they are 160x256."""
    rng = np.random.default_rng(seed)
    height, width = SIZES[int(rng.integers(len(SIZES)))]
    count = max(1, round(size * _PIXELS / (height * width)))
    pixels, wanted = [], []
    for _ in range(count):
        sample = composer.sample(height, width, rng)
        pixels.append(sample.gray)
        wanted.append(targets(height, width, sample.faces, sample.frontal, sample.unsure))
    return Batch(np.stack(pixels)[..., None], np.stack(wanted))


def epoch(composer: Composer, size: int, count: int, seed: tuple[int, int]) -> Iterator[Batch]:
    """Yield `count` batches; those of one epoch and seed are always the same."""
    with ThreadPoolExecutor(1) as pool:
        waiting: list[Future[Batch]] = []
        for number in range(count + _AHEAD):
            if number < count:
                waiting.append(pool.submit(batch, composer, size, (*seed, number)))
            if number >= _AHEAD:
                yield waiting.pop(0).result()
