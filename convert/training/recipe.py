"""Everything that decides how a network is trained, in one record that travels with its file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from convert.training.augment import AUGMENTATIONS, Augmentation

#: The networks by name; `convert.training.networks` builds them.
NETWORKS = (
    "compact",
    "tiny",
    "large",
    "mini-xception",
    "cnn",
    "deep-cnn",
    "small-cnn",
    "vgg16",
    "resnet50",
)


@dataclass(frozen=True)
class Recipe:
    """How to train; `fer-train` records it in the file it writes.

    `rate` is the learning rate at its highest. `schedule`: `cosine` (two epochs of warm-up, then
    down to zero), `plateau` (halved after `PATIENCE` epochs without a better validation loss, not
    below 2e-5), or `constant`. `loss`: `softmax` (cross-entropy) or `hinge` (squared, one class
    against the rest, on a linear output: an SVM, Tang 2013, arXiv 1306.0239). `mixup` is the alpha
    of MixUp (Zhang et al. 2018, arXiv 1710.09412) on the share `mixed_batches` of the batches.
    `votes` is the share of FER+'s votes in the targets (Barsoum et al. 2016, arXiv 1608.01041).
    `ema` is the momentum of the average of the weights that is validated and kept, 0 for the
    weights themselves. `teacher_share` is the share of the teachers' answers in the targets; they
    see the pictures as the pupil does (Beyer et al. 2022, arXiv 2106.05237). `select` says which
    validation figure picks the epoch. `precision`: `float32`, or `bfloat16` inside the network.
    """

    network: str
    epochs: int
    batch: int = 64
    optimizer: str = "adam"
    rate: float = 1e-4
    weight_decay: float = 0.0
    schedule: str = "plateau"
    loss: str = "softmax"
    activation: str = "relu"
    l2: float = 0.0
    augmentation: Augmentation = field(default_factory=lambda: AUGMENTATIONS["report"])
    mixup: float = 0.0
    mixed_batches: float = 1.0
    class_weights: bool = False
    smoothing: float = 0.0
    votes: float = 0.0
    ema: float = 0.0
    teachers: tuple[str, ...] = ()
    teacher_share: float = 0.8
    select: str = "loss"
    precision: str = "float32"
    seed: int = 1

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` reads it."""
        return dataclasses.asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Recipe:
        """The recipe that `as_dict` wrote."""
        augmentation = Augmentation(**values["augmentation"])
        teachers = tuple(values["teachers"])
        return Recipe(**{**values, "augmentation": augmentation, "teachers": teachers})

    def difference(self, other: Recipe) -> str:
        """The first setting in which `other` differs, as `name: ours, not theirs`; "" if none."""
        for name, ours in self.as_dict().items():
            theirs = other.as_dict()[name]
            if ours != theirs:
                return f"{name}: {ours}, not {theirs}"
        return ""


#: What the student report trained its networks with.
REPORT = Recipe(network="", epochs=20)
#: What the shipped `default` is trained with, which is also a teacher of `tiny`; README says how.
COMPACT = Recipe(
    network="compact",
    epochs=60,
    optimizer="adamw",
    rate=2e-3,
    weight_decay=0.03,
    schedule="cosine",
    augmentation=AUGMENTATIONS["strong"],
    mixup=0.2,
    mixed_batches=0.5,
    smoothing=0.05,
    votes=0.3,
    ema=0.998,
    select="accuracy",
)
#: What the shipped `tiny` is trained with. It has no room to learn the pictures by heart: it needs
#: less that keeps it from doing so, and more time and a teacher instead.
TINY = dataclasses.replace(
    COMPACT,
    network="tiny",
    epochs=100,
    weight_decay=0.01,
    augmentation=AUGMENTATIONS["light"],
    mixup=0.0,
)
#: A teacher of both: with so many weights it would learn the pictures by heart sooner.
LARGE = dataclasses.replace(COMPACT, network="large", weight_decay=0.05)


def preset(network: str) -> Recipe:
    """The recipe that a network is trained with unless options say otherwise."""
    own = {recipe.network: recipe for recipe in (COMPACT, TINY, LARGE)}
    return own.get(network, dataclasses.replace(REPORT, network=network))


def side(network: str) -> int:
    """Height and width of the pictures that `network` takes."""
    return 64 if network == "mini-xception" else 48
