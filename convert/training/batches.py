"""Batches of augmented pictures and targets to train a network on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from convert.training.augment import augmented
from convert.training.camera import degraded
from convert.training.dataset import Samples
from convert.training.recipe import Recipe
from edge.records import FloatArray

#: Pixels `(N, h, w, c)` to probabilities `(N, classes)`: the teachers' answers to a batch.
Teacher: TypeAlias = Callable[[FloatArray], FloatArray]


def targets(samples: Samples, classes: int, recipe: Recipe) -> FloatArray:
    """Return the target of each picture: float32 `(N, classes)`, rows summing to 1.

    The share `recipe.votes` comes from FER+'s votes, where there are any, and the rest from the
    label; then label smoothing is applied.
    """
    hard = np.eye(classes, dtype=np.float32)[samples.labels]
    total = samples.votes.sum(axis=1, keepdims=True)
    voted = np.divide(samples.votes, total, out=hard.copy(), where=total > 0)
    soft = (1 - recipe.votes) * hard + recipe.votes * voted
    smooth: FloatArray = (soft * (1 - recipe.smoothing) + recipe.smoothing / classes).astype(
        np.float32
    )
    return smooth


def class_weights(labels: npt.NDArray[np.int64], classes: int) -> FloatArray:
    """Return the loss weight of each class, float32 `(classes,)`.

    The weights balance the classes: frequent ones weigh less.
    """
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / (classes * np.maximum(counts, 1))).astype(np.float32)


def as_input(pixels: FloatArray, channels: int) -> FloatArray:
    """Repeat gray pixels `(N, h, w)` for each channel: `(N, h, w, channels)`."""
    return np.repeat(pixels[..., None], channels, axis=-1)


@dataclass(frozen=True)
class Batches:
    """The batches of any epoch, shuffled and augmented by seed and epoch only.

    So an epoch is the same whether or not the training was interrupted before it. `targets` are
    `(N, classes)`, `weights` the loss weight of each class, `channels` those of the network's
    input.
    """

    samples: Samples
    targets: FloatArray
    weights: FloatArray
    recipe: Recipe
    channels: int
    teacher: Teacher | None = None

    def __len__(self) -> int:
        return max(1, len(self.samples.labels) // self.recipe.batch)

    def epoch(self, epoch: int) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
        """Yield pixels, targets and loss weights, one batch at a time.

        Shapes: `(batch, h, w, channels)` 0..255, `(batch, classes)`, `(batch,)`. Each epoch has a
        different order; pictures that do not fill a last batch are left out.
        """
        recipe, rng = self.recipe, np.random.default_rng((self.recipe.seed, epoch))
        order = rng.permutation(len(self.samples.labels))
        for start in range(0, len(self) * recipe.batch, recipe.batch):
            rows = order[start : start + recipe.batch]
            pictures = self.samples.pixels[rows]
            clean = np.stack([augmented(picture, recipe.augmentation, rng) for picture in pictures])
            x = np.stack([degraded(picture, recipe.augmentation, rng) for picture in clean])
            y, weight = self.targets[rows], self.weights[self.samples.labels[rows]]
            if recipe.mixup and rng.random() < recipe.mixed_batches:
                share = rng.beta(recipe.mixup, recipe.mixup, size=len(rows)).astype(np.float32)
                # The weight belongs to the target, so both are blended together.
                weighted = mixed(y * weight[:, None], share)
                x, clean, weight = mixed(x, share), mixed(clean, share), mixed(weight, share)
                y = weighted / weight[:, None]
            if self.teacher is not None:
                answers = self.teacher(as_input(clean, self.channels))
                y = (1 - recipe.teacher_share) * y + recipe.teacher_share * answers
            yield as_input(x, self.channels), y, weight


def mixed(part: FloatArray, share: FloatArray) -> FloatArray:
    """Blend each item with the one at the mirrored position in the batch."""
    share = share.reshape(-1, *[1] * (part.ndim - 1))
    result: FloatArray = part * share + part[::-1] * (1 - share)
    return result
