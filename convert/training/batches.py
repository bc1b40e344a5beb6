"""What a network is trained on, a batch at a time: augmented pictures and soft targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from convert.training.augment import augmented
from convert.training.dataset import Split
from convert.training.recipe import Recipe
from edge.records import FloatArray

#: Pixels `(N, h, w, c)` to probabilities `(N, classes)`: what the teachers say of a batch.
Teacher: TypeAlias = Callable[[FloatArray], FloatArray]


def targets(split: Split, classes: int, recipe: Recipe) -> FloatArray:
    """What each picture should be answered with: float32 `(N, classes)`, rows summing to 1.

    `recipe.votes` of FER+'s votes, where there are some, and the rest the label; then smoothed.
    """
    hard = np.eye(classes, dtype=np.float32)[split.labels]
    total = split.votes.sum(axis=1, keepdims=True)
    voted = np.divide(split.votes, total, out=hard.copy(), where=total > 0)
    soft = (1 - recipe.votes) * hard + recipe.votes * voted
    smooth: FloatArray = (soft * (1 - recipe.smoothing) + recipe.smoothing / classes).astype(
        np.float32
    )
    return smooth


def class_weights(labels: npt.NDArray[np.int64], classes: int) -> FloatArray:
    """What an error costs by class, float32 `(classes,)`: all classes together cost the same."""
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / (classes * np.maximum(counts, 1))).astype(np.float32)


def as_input(pixels: FloatArray, channels: int) -> FloatArray:
    """Grey pixels `(N, h, w)` as a network takes them, `(N, h, w, channels)`."""
    return np.repeat(pixels[..., None], channels, axis=-1)


@dataclass(frozen=True)
class Batches:
    """The batches of any epoch of `split`, shuffled and augmented by `(recipe.seed, epoch)` alone.

    So an epoch is the same whether the training was interrupted before it or not. `wanted` are the
    targets `(N, classes)`, `cost` the weight of an error by class, `channels` the network's.
    """

    split: Split
    wanted: FloatArray
    cost: FloatArray
    recipe: Recipe
    channels: int
    teacher: Teacher | None = None

    def __len__(self) -> int:
        return max(1, len(self.split.labels) // self.recipe.batch)

    def epoch(self, epoch: int) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
        """Pixels `(batch, h, w, channels)` 0..255, targets `(batch, classes)`, weights `(batch,)`.

        What is left when the pictures do not fill a last batch waits for another epoch's order.
        """
        recipe, rng = self.recipe, np.random.default_rng((self.recipe.seed, epoch))
        order = rng.permutation(len(self.split.labels))
        for start in range(0, len(self) * recipe.batch, recipe.batch):
            rows = order[start : start + recipe.batch]
            pictures = self.split.pixels[rows]
            x = np.stack([augmented(picture, recipe.augmentation, rng) for picture in pictures])
            y, weight = self.wanted[rows], self.cost[self.split.labels[rows]]
            if recipe.mixup and rng.random() < recipe.mixed_batches:
                share = rng.beta(recipe.mixup, recipe.mixup, size=len(rows)).astype(np.float32)
                # What an error costs belongs to its target: both are blended as one.
                costly = mixed(y * weight[:, None], share)
                x, weight = mixed(x, share), mixed(weight, share)
                y = costly / weight[:, None]
            x = as_input(x, self.channels)
            if self.teacher is not None:
                y = (1 - recipe.teacher_share) * y + recipe.teacher_share * self.teacher(x)
            yield x, y, weight


def mixed(part: FloatArray, share: FloatArray) -> FloatArray:
    """Each item blended with the one that stands as far from the other end of the batch."""
    share = share.reshape(-1, *[1] * (part.ndim - 1))
    result: FloatArray = part * share + part[::-1] * (1 - share)
    return result
