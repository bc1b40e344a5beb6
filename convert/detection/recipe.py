"""The settings of a training, and its state, from which a stopped one continues."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import RefusedFile, UsageError, first_line
from edge.records import FloatArray


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to learn.

    An epoch has `steps` batches of about `batch` pictures of 160x256; `rate` and `decay` are
    AdamW's; `momentum` is that of the weights' running mean; `positive_share` of the scenes without
    faces get one pasted (given `--paste`); own mistakes are looked for every `mine_every` epochs,
    recall is measured every `check_every`; `start` is the `.tflite` of this network whose weights
    to begin with, if any.
    """

    epochs: int = 100
    steps: int = 250
    batch: int = 32
    rate: float = 2e-3
    decay: float = 0.02
    momentum: float = 0.998
    positive_share: float = 0.25
    mine_every: int = 8
    check_every: int = 10
    precision: str = "mixed_bfloat16"
    seed: int = 1
    start: str = field(default="", metadata={"help": "the .tflite to go on from"})


#: May change when a training continues: neither decides what a step learns.
_FREE = {"epochs", "check_every", "mine_every"}
PRESETS = {"quick": Recipe(epochs=6, steps=60, mine_every=3), "full": Recipe()}


@dataclass(frozen=True)
class State:
    """After an epoch: one row of figures for each so far, own mistakes, weights, the optimizer."""

    history: tuple[dict[str, float], ...] = ()
    mistakes: FloatArray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    weights: Sequence[FloatArray] = ()
    average: Sequence[FloatArray] = ()
    optimizer: Sequence[FloatArray] = ()

    def save(self, path: Path, recipe: Recipe) -> None:
        """Write it in one step, so that a kill leaves the one before it whole."""
        facts = json.dumps({"recipe": asdict(recipe), "history": self.history})
        arrays = {
            f"{kind}{number}": array
            for kind in ("weights", "average", "optimizer")
            for number, array in enumerate(getattr(self, kind))
        }
        unfinished = path.with_name(path.name + ".part")
        with unfinished.open("wb") as file:
            np.savez(file, facts=np.array(facts), mistakes=self.mistakes, **arrays)
        unfinished.replace(path)


def load(path: Path, recipe: Recipe) -> State:
    """Return the state at `path`, whose recipe may differ in the `_FREE` settings.

    Raises `UsageError` where there is none or the recipe differs, `RefusedFile` for other files.
    """
    if not path.exists():
        raise UsageError(f"{path}: nothing to resume; leave --resume out to begin")
    try:
        with np.load(path, allow_pickle=False) as content:
            facts = json.loads(str(content["facts"]))
            kinds = [_numbered(content, kind) for kind in ("weights", "average", "optimizer")]
            mistakes = content["mistakes"]
        begun = dict(facts["recipe"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise RefusedFile(f"{path}: not a training to resume ({first_line(error)})") from error
    for key, value in asdict(recipe).items():
        if key not in _FREE and begun.get(key) != value:
            raise UsageError(f"{path}: was begun with {key} {begun.get(key)}, not {value}")
    return State(tuple(facts["history"]), mistakes, *kinds)


def _numbered(content: Any, kind: str) -> list[FloatArray]:
    names = [name for name in content.files if name.startswith(kind)]
    return [content[name] for name in sorted(names, key=lambda name: int(name[len(kind) :]))]
