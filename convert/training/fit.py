"""The training itself, an epoch at a time."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from convert.training import networks
from convert.training.batches import Batches, Teacher, as_input, class_weights, targets
from convert.training.dataset import Dataset
from convert.training.fused import fused
from convert.training.recipe import Recipe
from convert.training.state import State
from convert.training.temperature import negative_log_likelihood, scores
from edge.errors import Problem
from edge.records import FloatArray

PATIENCE, SMALLEST_RATE, WARM_UP_EPOCHS = 3, 2e-5, 2

#: One row of figures an epoch.
History = tuple[dict[str, float], ...]
#: Called after each batch: figures so far, batches done of this epoch, of how many.
Told = Callable[[History, int, int], None]


@dataclass(frozen=True)
class Trainer:
    """A network that is being trained, and what it is trained on.

    `scores` is the same network, without what follows its logits; `origins` as in `State`.
    """

    model: keras.Model
    scores: keras.Model
    batches: Batches
    dataset: Dataset
    recipe: Recipe
    origins: tuple[str, ...]

    def run(self, begun: State | None, told: Told, keep: Callable[[State], None]) -> State:
        """Train from `begun`, else from nothing, to the last epoch; `keep` each epoch's state.

        Ends early where the loss is no number any more; `Problem` if no epoch went well.
        """
        state = begun or State(self.recipe, self.origins, (), (), (), ())
        if begun:
            self._restore(begun)
        for epoch in range(len(state.history), self.recipe.epochs):
            started_s = time.monotonic()
            figures = self._train(epoch, state.history, told)
            weights = self.model.get_weights()
            averaged, validation = self._validate(weights)
            figures |= validation | {"seconds": round(time.monotonic() - started_s, 1)}
            if math.isnan(figures["loss"]) or math.isnan(figures["validation_loss"]):
                if not state.history:
                    raise Problem("epoch 1: the loss is not a number; try a lower --rate")
                break
            history = (*state.history, figures)
            best = averaged if best_epoch(history, self.recipe) == epoch else state.best
            optimizer = [np.asarray(value) for value in self.model.optimizer.variables]
            state = State(self.recipe, state.origins, history, weights, optimizer, best)
            keep(state)
        return state

    def _train(self, epoch: int, history: History, told: Told) -> dict[str, float]:
        if self.recipe.schedule == "plateau":
            self.model.optimizer.learning_rate = plateau_rate(history, self.recipe)
        self.model.reset_metrics()
        self._reseed(epoch)
        figures: dict[str, Any] = {}
        for done, (x, y, weight) in enumerate(self.batches.epoch(epoch), 1):
            figures = self.model.train_on_batch(x, y, sample_weight=weight, return_dict=True)
            told(history, done, len(self.batches))
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        return {"epoch": epoch + 1, "rate": rate, "loss": round(float(figures["loss"]), 4)}

    def _reseed(self, epoch: int) -> None:
        """Dropout draws what belongs to the epoch, as after a stop: no state file keeps its state.

        Of a network's variables, `get_weights` has all but these.
        """
        seeds = [v for v in self.model.variables if v.name == "seed_generator_state"]
        for number, variable in enumerate(seeds):
            drawn = np.random.SeedSequence((self.recipe.seed, epoch, number))
            variable.assign(drawn.generate_state(2).astype(variable.dtype))

    def _validate(self, weights: list[FloatArray]) -> tuple[list[FloatArray], dict[str, float]]:
        """The averaged weights, and their figures on the validation pictures."""
        if self.recipe.ema:
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        averaged = self.model.get_weights()
        logits = self.scores.predict(validation_input(self.model, self.dataset), verbose=0)
        labels = self.dataset.validation.labels
        accuracy = float(np.mean(logits.argmax(axis=1) == labels))
        loss = negative_log_likelihood(logits, labels)
        self.model.set_weights(weights)
        return averaged, {
            "validation_accuracy": round(accuracy, 4),
            "validation_loss": round(loss, 4),
        }

    def _restore(self, state: State) -> None:
        self.model.set_weights(state.weights)
        self.model.optimizer.build(self.model.trainable_variables)
        for variable, value in zip(self.model.optimizer.variables, state.optimizer, strict=True):
            variable.assign(value)


def trainer(dataset: Dataset, recipe: Recipe, teacher: Teacher | None) -> Trainer:
    """A network with fresh weights, ready to run."""
    keras.utils.set_random_seed(recipe.seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if recipe.precision == "bfloat16" else "float32")
    model = fused(networks.build(recipe.network, style(recipe, len(dataset.classes))))
    train, classes = dataset.train, len(dataset.classes)
    cost = np.ones(classes, np.float32)
    if recipe.class_weights:
        cost = class_weights(train.labels, classes)
    channels = model.input_shape[-1]
    batches = Batches(train, targets(train, classes, recipe), cost, recipe, channels, teacher)
    model.compile(
        optimizer(recipe, len(batches)),
        loss=squared_hinge if recipe.loss == "hinge" else "categorical_crossentropy",
    )
    return Trainer(
        model, scores(model), batches, dataset, recipe, origins(dataset, recipe.teachers)
    )


def style(recipe: Recipe, classes: int) -> networks.Style:
    """What of the recipe decides how the network is built."""
    head = "linear" if recipe.loss == "hinge" else "softmax"
    return networks.Style(classes, activation=recipe.activation, l2=recipe.l2, head=head)


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """The recipe's, for epochs of so many `steps`."""
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
    if recipe.weight_decay or recipe.optimizer == "adamw":  # which has a decay of its own
        more["weight_decay"] = recipe.weight_decay
    return kinds[recipe.optimizer](rate, **more)


def squared_hinge(wanted: Any, scores: Any) -> Any:
    """Of targets `(N, classes)` and scores alike: Tang 2013, arXiv 1306.0239, equation 8."""
    sides = 2 * keras.ops.cast(wanted, scores.dtype) - 1
    return keras.ops.mean(keras.ops.square(keras.ops.maximum(1 - sides * scores, 0)), axis=-1)


def plateau_rate(history: History, recipe: Recipe) -> float:
    """The rate after `history`: halved after `PATIENCE` epochs without a better loss."""
    rate, best, waited = recipe.rate, np.inf, 0
    for row in history:
        waited += 1
        if row["validation_loss"] < best:
            best, waited = row["validation_loss"], 0
        elif waited >= PATIENCE:
            rate, waited = max(rate / 2, min(rate, SMALLEST_RATE)), 0
    return rate


def best_epoch(history: Sequence[dict[str, float]], recipe: Recipe) -> int:
    """The number, from 0, of the epoch to keep: the first of the best."""
    figures = [
        row["validation_loss"] if recipe.select == "loss" else -row["validation_accuracy"]
        for row in history
    ]
    return int(np.argmin(figures))


def validation_input(model: keras.Model, dataset: Dataset) -> FloatArray:
    """The validation pictures as `model` takes them: float32 `(N, h, w, c)`."""
    return as_input(dataset.validation.pixels.astype(np.float32), model.input_shape[-1])


def origins(dataset: Dataset, teachers: Sequence[str]) -> tuple[str, ...]:
    """SHA-256 over all that a training sees, then of each teacher's file, to know them again."""
    total = hashlib.sha256(",".join(dataset.classes).encode())
    for split in (dataset.train, dataset.validation):
        for part in (split.pixels, split.labels, split.votes):
            total.update(np.ascontiguousarray(part).tobytes())
    files = [hashlib.sha256(Path(teacher).read_bytes()).hexdigest() for teacher in teachers]
    return total.hexdigest(), *files
