"""The optimizer, learning rate and loss of a recipe."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from convert.training.history import History
from convert.training.recipe import Recipe

PATIENCE, MIN_RATE, WARM_UP_EPOCHS = 3, 2e-5, 2


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """Return the recipe's optimizer, for epochs of `steps` batches."""
    kinds = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "nadam": keras.optimizers.Nadam,
    }
    rate: Any = recipe.rate
    if recipe.schedule == "cosine":
        warm_up = min(WARM_UP_EPOCHS, recipe.epochs // 4) * steps
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warm_up else rate,
            max(1, recipe.epochs * steps - warm_up),
            warmup_target=rate if warm_up else None,
            warmup_steps=warm_up,
        )
    more: dict[str, Any] = {"use_ema": True, "ema_momentum": recipe.ema} if recipe.ema else {}
    if recipe.weight_decay or recipe.optimizer == "adamw":  # whose default decay is not 0
        more["weight_decay"] = recipe.weight_decay
    return kinds[recipe.optimizer](rate, **more)


def squared_hinge(targets: Any, scores: Any) -> Any:
    """Return the squared hinge loss of scores `(N, classes)`.

    Tang 2013, arXiv 1306.0239, equation 8.
    """
    sides = 2 * keras.ops.cast(targets, scores.dtype) - 1
    return keras.ops.mean(keras.ops.square(keras.ops.maximum(1 - sides * scores, 0)), axis=-1)


def plateau_rate(history: History, recipe: Recipe) -> float:
    """Return the learning rate of the epoch after `history`.

    It is halved after `PATIENCE` epochs without a lower validation loss.
    """
    rate, best, waited = recipe.rate, np.inf, 0
    for row in history:
        waited += 1
        if row["validation_loss"] < best:
            best, waited = row["validation_loss"], 0
        elif waited >= PATIENCE:
            rate, waited = max(rate / 2, min(rate, MIN_RATE)), 0
    return rate
