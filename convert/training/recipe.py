"""All settings of a training in one record."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from convert.training.augment import AUGMENTATIONS, Augmentation

#: Names of the networks; `convert.training.networks` has a builder for each.
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
    """The settings of a training, which `fer-train` records in the file it writes.

    `rate` is the peak learning rate. `schedule`: `cosine` (two epochs of warm-up, then down to
    zero), `plateau` (halved after `PATIENCE` epochs without a better validation loss, not below
    2e-5), or `constant`. `loss`: `softmax` (cross-entropy) or `hinge` (squared, one class against
    the rest, on a linear output: an SVM, Tang 2013, arXiv 1306.0239). `mixup` is the alpha of MixUp
    (Zhang et al. 2018, arXiv 1710.09412) on the share `mixed_batches` of the batches. `votes` is
    the share of FER+'s votes in the targets (Barsoum et al. 2016, arXiv 1608.01041). `ema` is the
    momentum of the average of the weights that is validated and kept, 0 for the weights themselves.
    `teacher_share` is the share of the teachers' answers in the targets; they see the same
    augmented pictures (Beyer et al. 2022, arXiv 2106.05237), before these are degraded. `starts`
    are the files whose weights to begin with, their mean if there are several (Wortsman et al.
    2022, arXiv 2203.05482); none for random ones. `select` says which validation metric
    selects the epoch: where pictures are degraded, `accuracy` is the mean over clean and degraded
    ones. `precision`: `float32`, or `bfloat16` inside the network.
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
    starts: tuple[str, ...] = ()
    select: str = "loss"
    precision: str = "float32"
    seed: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe as a dictionary for JSON."""
        return dataclasses.asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Recipe:
        """Return the recipe that `as_dict` turned into `values`."""
        augmentation = Augmentation(**values["augmentation"])
        files = {name: tuple(values[name]) for name in ("teachers", "starts")}
        return Recipe(**{**values, "augmentation": augmentation, **files})

    def difference(self, other: Recipe) -> str:
        """Return the first setting that differs, `name: ours, not theirs`, or ""."""
        for name, ours in self.as_dict().items():
            theirs = other.as_dict()[name]
            if ours != theirs:
                return f"{name}: {ours}, not {theirs}"
        return ""


#: The recipe of the student report's networks.
REPORT = Recipe(network="", epochs=20)
#: How the shipped `default` is trained, which also teaches `tiny` (see docs/training.md).
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
#: How the shipped `tiny` is trained. It is too small to overfit: it needs less regularisation, but
#: more epochs and a teacher.
TINY = dataclasses.replace(
    COMPACT,
    network="tiny",
    epochs=100,
    weight_decay=0.01,
    augmentation=AUGMENTATIONS["light"],
    mixup=0.0,
)
#: A teacher of both: with more weights it overfits sooner.
LARGE = dataclasses.replace(COMPACT, network="large", weight_decay=0.05)


def preset(network: str) -> Recipe:
    """Return the default recipe of a network."""
    own = {recipe.network: recipe for recipe in (COMPACT, TINY, LARGE)}
    return own.get(network, dataclasses.replace(REPORT, network=network))


def side(network: str) -> int:
    """Return the height and width of the pictures that `network` takes."""
    return 64 if network == "mini-xception" else 48
