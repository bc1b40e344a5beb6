"""Checkpoints: an interrupted training restarts the epoch that it had begun."""

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
    """The state after an epoch, to continue from, and the best weights so far.

    `weights` and `optimizer` are the arrays of the network and the optimizer, in their order;
    `best` the weights of the best epoch so far; `history` one row of figures per epoch; `origins`
    the SHA-256 of the training data, then of each teacher's file.
    """

    recipe: Recipe
    origins: tuple[str, ...]
    history: tuple[dict[str, float], ...]
    weights: Sequence[FloatArray]
    optimizer: Sequence[FloatArray]
    best: Sequence[FloatArray]

    def save(self, path: Path) -> None:
        """Write the state to `path` atomically: a kill leaves the previous one intact."""
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
    """Load what `State.save` wrote; raise `RefusedFile` for anything else."""
    try:
        with np.load(path, allow_pickle=False) as content:
            facts = json.loads(str(content["facts"]))
            kinds = {kind: _arrays(content, kind) for kind in ("weights", "optimizer", "best")}
        recipe = Recipe.from_dict(facts["recipe"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise RefusedFile(f"{path}: not a training checkpoint ({first_line(error)})") from error
    return State(recipe, tuple(facts["origins"]), tuple(facts["history"]), **kinds)


def _arrays(content: Any, kind: str) -> list[FloatArray]:
    names = [name for name in content.files if name.startswith(kind)]
    return [content[name] for name in sorted(names, key=lambda name: int(name[len(kind) :]))]


def resumed(path: Path, recipe: Recipe, origins: tuple[str, ...]) -> State:
    """Load the checkpoint at `path`; raise `UsageError` if the training differs."""
    if not path.exists():
        raise UsageError(f"{path}: no such checkpoint; leave out --resume to start a new training")
    state = load(path)
    difference = state.recipe.difference(recipe)
    if difference:
        raise UsageError(f"{path}: was started with {difference}; --resume needs the same options")
    if state.origins != origins:
        other = "--teacher" if state.origins[0] == origins[0] else "--data"
        raise UsageError(f"{path}: was started with different {other}; --resume needs the same")
    return state


def checkpoint_path(out: Path) -> Path:
    """Return the path of the checkpoint that exists until `out` is finished."""
    return out.with_suffix(".training")
