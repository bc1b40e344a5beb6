"""The figures of each epoch, and which epoch is best."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TypeAlias

import numpy as np

from convert.training.recipe import Recipe

#: One row of figures per epoch.
History: TypeAlias = tuple[dict[str, float], ...]


def best_epoch(history: History, recipe: Recipe) -> int:
    """Return the index of the best epoch, the first if several are equal."""
    figures = [
        row["validation_loss"] if recipe.select == "loss" else -_right(row) for row in history
    ]
    return int(np.argmin(figures))


def _right(row: dict[str, float]) -> float:
    """Return an epoch's accuracy: the mean over clean and degraded, if it has both."""
    clean = row["validation_accuracy"]
    return (clean + row.get("degraded_accuracy", clean)) / 2


def write_csv(history: History, path: Path) -> None:
    """Write the history to `path` atomically."""
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(history[0]))
        table.writeheader()
        table.writerows(history)
    part.replace(path)
