"""A training that was stopped, by whatever, goes on at the epoch it had begun."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convert.training.recipe import Recipe
from edge.errors import RefusedFile, UsageError, first_line
from edge.records import FloatArray


@dataclass(frozen=True)
class State:
    """After an epoch: what training needs to go on, and what it would keep if it ended now.

    `weights` and `optimizer` are the arrays of the network and the optimizer, in their order;
    `best` the weights of the best epoch so far; `history` one row of figures an epoch; `origins`
    the SHA-256 of the data it was trained on, then of the files of its teachers.
    """

    recipe: Recipe
    origins: tuple[str, ...]
    history: tuple[dict[str, float], ...]
    weights: Sequence[FloatArray]
    optimizer: Sequence[FloatArray]
    best: Sequence[FloatArray]

    def save(self, path: Path) -> None:
        """Write it to `path` in one step, so that a kill leaves the one before it whole."""
        facts = {"recipe": self.recipe.as_dict(), "origins": self.origins, "history": self.history}
        arrays = {
            f"{kind}{number}": array
            for kind in ("weights", "optimizer", "best")
            for number, array in enumerate(getattr(self, kind))
        }
        unfinished = path.with_name(path.name + ".part")
        with unfinished.open("wb") as file:
            np.savez(file, facts=np.array(json.dumps(facts)), **arrays)
        unfinished.replace(path)


def load(path: Path) -> State:
    """The state that `State.save` wrote; raises `RefusedFile` where `path` is something else."""
    try:
        with np.load(path, allow_pickle=False) as content:
            facts = json.loads(str(content["facts"]))
            kinds = {kind: _arrays(content, kind) for kind in ("weights", "optimizer", "best")}
        recipe = Recipe.from_dict(facts["recipe"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise RefusedFile(f"{path}: not a training to resume ({first_line(error)})") from error
    return State(recipe, tuple(facts["origins"]), tuple(facts["history"]), **kinds)


def _arrays(content: Any, kind: str) -> list[FloatArray]:
    names = [name for name in content.files if name.startswith(kind)]
    return [content[name] for name in sorted(names, key=lambda name: int(name[len(kind) :]))]


def resumed(path: Path, recipe: Recipe, origins: tuple[str, ...]) -> State:
    """The state at `path`, if it is of the same training; raises `UsageError` where it is not."""
    if not path.exists():
        raise UsageError(f"{path}: nothing to resume; leave --resume out to begin")
    state = load(path)
    difference = state.recipe.difference(recipe)
    if difference:
        raise UsageError(f"{path}: was begun with {difference}; --resume needs the same options")
    if state.origins != origins:
        other = "--teacher" if state.origins[0] == origins[0] else "--data"
        raise UsageError(f"{path}: was begun with other {other}; --resume needs the same")
    return state


def state_path(out: Path) -> Path:
    """Where the state of the training of `out` is kept while it is not finished."""
    return out.with_suffix(".training")
