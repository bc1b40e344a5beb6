"""Run a training, one epoch at a time."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from convert.faces.degrade import CAMERA
from convert.training import answers, distillation, networks
from convert.training.batches import Batches, Teacher, as_input, class_weights, targets
from convert.training.checkpoint import State
from convert.training.dataset import Dataset
from convert.training.fused_batchnorm import fused
from convert.training.history import History, best_epoch
from convert.training.optimization import optimizer, plateau_rate, squared_hinge
from convert.training.recipe import Recipe
from convert.training.starting import start
from convert.training.temperature_scaling import negative_log_likelihood, without_softmax
from edge.errors import FerEdgeError
from edge.expressions.classifier import prepare
from edge.records import FloatArray

#: Called after each batch with the history, this epoch's batches done, and their total.
Report = Callable[[History, int, int], None]


@dataclass(frozen=True)
class Trainer:
    """A network in training, its data and its recipe.

    `logits` is the same network without its softmax; `origins` as in `State`; `notes` say what it
    starts from.
    """

    model: keras.Model
    logits: keras.Model
    batches: Batches
    dataset: Dataset
    recipe: Recipe
    origins: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def run(self, resumed: State | None, report: Report, keep: Callable[[State], None]) -> State:
        """Train to the last epoch, from `resumed` or from scratch; return its state.

        `keep` receives the state after each epoch. Stops early if the loss becomes NaN; raises
        `FerEdgeError` if that happens in the first epoch.
        """
        state = resumed or State(self.recipe, self.origins, (), (), (), ())
        if not self.recipe.epochs:
            state = self._untrained(state)
            keep(state)
        if resumed:
            self._restore(resumed)
        for epoch in range(len(state.history), self.recipe.epochs):
            started_s = time.monotonic()
            figures = self._train(epoch, state.history, report)
            weights = self.model.get_weights()
            averaged, validation = self._validate(weights)
            figures |= validation | {"seconds": round(time.monotonic() - started_s, 1)}
            if math.isnan(figures["loss"]) or math.isnan(figures["validation_loss"]):
                if not state.history:
                    raise FerEdgeError("epoch 1: the loss is NaN; try a lower --rate")
                break
            history = (*state.history, figures)
            best = averaged if best_epoch(history, self.recipe) == epoch else state.best
            variables = [np.asarray(value) for value in self.model.optimizer.variables]
            state = State(self.recipe, state.origins, history, weights, variables, best)
            keep(state)
        return state

    def _untrained(self, state: State) -> State:
        """Return the state of the network as it starts, as the best of no epochs."""
        weights = self.model.get_weights()
        figures = {"epoch": 0, "rate": 0.0, "loss": 0.0, **self._figures(), "seconds": 0.0}
        return replace(state, history=(figures,), weights=weights, best=weights)

    def _train(self, epoch: int, history: History, report: Report) -> dict[str, float]:
        if self.recipe.schedule == "plateau":
            self.model.optimizer.learning_rate = plateau_rate(history, self.recipe)
        self.model.reset_metrics()
        self._reseed(epoch)
        figures: dict[str, Any] = {}
        for done, (x, y, weight) in enumerate(self.batches.epoch(epoch), 1):
            figures = self.model.train_on_batch(x, y, sample_weight=weight, return_dict=True)
            report(history, done, len(self.batches))
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        return {"epoch": epoch + 1, "rate": rate, "loss": round(float(figures["loss"]), 4)}

    def _reseed(self, epoch: int) -> None:
        """Seed dropout by epoch, so that a resumed training draws the same numbers.

        `get_weights` returns all of a network's variables but these.
        """
        seeds = [v for v in self.model.variables if v.name == "seed_generator_state"]
        for number, variable in enumerate(seeds):
            drawn = np.random.SeedSequence((self.recipe.seed, epoch, number))
            variable.assign(drawn.generate_state(2).astype(variable.dtype))

    def _validate(self, weights: list[FloatArray]) -> tuple[list[FloatArray], dict[str, float]]:
        """Return the averaged weights, and their figures on the validation pictures."""
        if self.recipe.ema:
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        averaged = self.model.get_weights()
        self.model.set_weights(averaged)  # JAX: not the optimizer's own, which predicting deletes
        figures = self._figures()
        self.model.set_weights(weights)
        return averaged, figures

    def _figures(self) -> dict[str, float]:
        """Return the network's figures on the validation pictures."""
        logits = self.logits.predict(validation_input(self.model, self.dataset), verbose=0)
        labels = self.dataset.validation.labels
        figures = {
            "validation_accuracy": round(float(np.mean(logits.argmax(axis=1) == labels)), 4),
            "validation_loss": round(negative_log_likelihood(logits, labels), 4),
        }
        if self.recipe.augmentation.degrades:
            pictures = degraded_input(self.model, self.dataset)
            answers = self.logits.predict(pictures, verbose=0).argmax(axis=1)
            figures["degraded_accuracy"] = round(float(np.mean(answers == labels)), 4)
        return figures

    def _restore(self, state: State) -> None:
        self.model.set_weights(state.weights)
        self.model.optimizer.build(self.model.trainable_variables)
        for variable, value in zip(self.model.optimizer.variables, state.optimizer, strict=True):
            variable.assign(value)


def trainer(dataset: Dataset, recipe: Recipe) -> Trainer:
    """Return a network ready to train: random weights, or those of `recipe.starts`."""
    keras.utils.set_random_seed(recipe.seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if recipe.precision == "bfloat16" else "float32")
    model = fused(networks.build(recipe.network, style(recipe, len(dataset.classes))))
    train, classes = dataset.train, len(dataset.classes)
    weights = np.ones(classes, np.float32)
    if recipe.class_weights:
        weights = class_weights(train.labels, classes)
    channels = model.input_shape[-1]
    goals, teacher, notes = _goals(dataset, recipe)
    batches = Batches(train, goals, weights, recipe, channels, teacher)
    model.compile(
        optimizer=optimizer(recipe, len(batches)),
        loss=squared_hinge if recipe.loss == "hinge" else "categorical_crossentropy",
    )
    notes = (*notes, *start(model, recipe.starts, dataset.classes, train.pixels))
    found = origins(dataset, [*recipe.teachers, *recipe.starts])
    return Trainer(model, without_softmax(model), batches, dataset, recipe, found, notes)


def _goals(dataset: Dataset, recipe: Recipe) -> tuple[FloatArray, Teacher | None, tuple[str, ...]]:
    """Return each picture's target, who adds to them batch by batch, and notes."""
    goals = targets(dataset.train, len(dataset.classes), recipe)
    kept = answers.named(recipe.teachers)
    if kept is None:
        teacher = distillation.ensemble(recipe.teachers, dataset.classes, recipe.precision)
        return goals, teacher, ()
    said, note = answers.read(kept, dataset.train, dataset.classes)
    return answers.blend(goals, said, recipe.teacher_share), None, (note,)


def style(recipe: Recipe, classes: int) -> networks.Style:
    """Return the variant of the network that the recipe asks for."""
    head = "linear" if recipe.loss == "hinge" else "softmax"
    return networks.Style(classes, activation=recipe.activation, l2=recipe.l2, head=head)


def validation_input(model: keras.Model, dataset: Dataset) -> FloatArray:
    """Return the validation pictures as `model` takes them: float32 `(N, h, w, c)`."""
    return as_input(dataset.validation.pixels.astype(np.float32), model.input_shape[-1])


def degraded_input(model: keras.Model, dataset: Dataset) -> FloatArray:
    """Return the validation pictures, each in one of `CAMERA`'s conditions in turn."""
    pictures, worse = dataset.validation.pixels, list(CAMERA.values())
    seen = [worse[n % len(worse)](picture) for n, picture in enumerate(pictures)]
    shape = (1, *model.input_shape[1:3], 1)
    pixels = np.concatenate([prepare(picture, shape) for picture in seen])[..., 0]
    return as_input(pixels.astype(np.float32), model.input_shape[-1])


def origins(dataset: Dataset, files: Sequence[str]) -> tuple[str, ...]:
    """Return the SHA-256 of all training data, then of each file of weights."""
    total = hashlib.sha256(",".join(dataset.classes).encode())
    for samples in (dataset.train, dataset.validation):
        for array in (samples.pixels, samples.labels, samples.votes):
            total.update(np.ascontiguousarray(array).tobytes())
    digests = [hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files]
    return total.hexdigest(), *digests
