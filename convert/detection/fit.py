"""Train the network, epoch by epoch, and find its own mistakes to learn from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from convert.detection import network
from convert.detection.batches import batch
from convert.detection.batches import epoch as batches
from convert.detection.compose import Composer, Mistake
from convert.detection.loss import losses
from convert.detection.recipe import Recipe, State
from convert.detection.scenes import Scene
from convert.detection.score import RATES, scored, wrong
from convert.detection.starting import start
from convert.detection.targets import LEVELS
from edge.faces.decode import Answer, decoded, deduplicate
from edge.faces.network_card import Level
from edge.records import ByteArray, FloatArray

Tell = Callable[[str], None]
#: Faces from this logit on are scored; lower ones never matter.
_LEAST_LOGIT = -3.0
#: A false box from this logit on is a mistake to learn from, and the most of them that are kept.
_MISTAKE_LOGIT, _MOST_MISTAKES = -1.2, 4000
#: Pictures that show what a network that is gone on with has to normalise.
_MEASURED = 64
_MULTIPLE, _CLIP, _WARM_UP_STEPS = 32, 10.0, 300


@dataclass(frozen=True)
class Trainer:
    """A network that is being trained; `average` is the running mean of its weights."""

    model: keras.Model
    average: keras.Model
    optimizer: keras.optimizers.Optimizer
    recipe: Recipe
    composer: Composer
    validation: Sequence[Scene]

    def run(self, state: State, tell: Tell, keep: Callable[[State], None]) -> State:
        """Train on from `state` to the last epoch; `keep` each epoch's state."""
        step = _step(self.model, self.average, self.optimizer, self.recipe)
        for number in range(len(state.history), self.recipe.epochs):
            started_s = time.monotonic()
            mistakes = tuple(Mistake(int(row[0]), *map(float, row[1:])) for row in state.mistakes)
            composer = replace(self.composer, mistakes=mistakes)
            sums = np.zeros(3)
            steps, seed = self.recipe.steps, (self.recipe.seed, number)
            for pixels, wanted in batches(composer, self.recipe.batch, steps, seed):
                sums += step(tf.constant(pixels), tf.constant(wanted)).numpy()
            names = ("score", "box", "frontal")
            figures = dict(zip(names, np.round(sums / steps, 4).tolist(), strict=True))
            last = number + 1 == self.recipe.epochs
            if number % self.recipe.check_every == self.recipe.check_every - 1 or last:
                figures |= self._validated()
            found = state.mistakes
            if number % self.recipe.mine_every == self.recipe.mine_every - 1 and not last:
                found = self._mistakes(number)
            row = {"epoch": number + 1, **figures, "mistakes": len(found)}
            row["seconds"] = round(time.monotonic() - started_s, 1)
            state = State((*state.history, row), found, *self._weights())
            tell("  ".join(f"{key} {value}" for key, value in row.items()))
            keep(state)
        return state

    def restore(self, state: State) -> None:
        """Go on where `state` ended."""
        self.model.set_weights(state.weights)
        self.average.set_weights(state.average)
        for variable, value in zip(self.optimizer.variables, state.optimizer, strict=True):
            variable.assign(value)

    def start(self, path: Path) -> None:
        """Begin with the weights in the `.tflite` at `path`.

        Raises `UsageError` or `RefusedFile` where it does not hold this network's.
        """
        pixels = batch(self.composer, _MEASURED, (self.recipe.seed,)).pixels
        weights = start(path, scaled(pixels))
        self.model.set_weights(weights)
        self.average.set_weights(weights)

    def _weights(self) -> tuple[list[FloatArray], list[FloatArray], list[FloatArray]]:
        optimizer = [np.asarray(variable) for variable in self.optimizer.variables]
        return self.model.get_weights(), self.average.get_weights(), optimizer

    def _validated(self) -> dict[str, float]:
        found = list(detected(self.average, self.validation))
        result = scored(self.validation, found)
        return {f"recall@{rate:g}": round(result.recall(rate), 4) for rate in RATES}

    def _mistakes(self, number: int) -> FloatArray:
        """Return the false boxes in half of the training pictures.

        Float32 `(n, 4)`: scene, x and y of the centre, size.
        """
        rng = np.random.default_rng((self.recipe.seed, number))
        scenes = self.composer.scenes
        chosen = rng.permutation(len(scenes))[: len(scenes) // 2]
        rows = []
        for index, boxes in zip(
            chosen, detected(self.average, [scenes[i] for i in chosen]), strict=True
        ):
            for x, y, w, h, score, _ in boxes[wrong(scenes[index], boxes)][:4]:
                if score >= _MISTAKE_LOGIT:
                    rows.append((score, index, x + w / 2, y + h / 2, max(w, h)))
        rows.sort(reverse=True)
        return np.array([row[1:] for row in rows[:_MOST_MISTAKES]], np.float32).reshape(-1, 4)


def trainer(recipe: Recipe, composer: Composer, validation: Sequence[Scene]) -> Trainer:
    """Return a network with fresh weights, ready to run."""
    keras.utils.set_random_seed(recipe.seed)
    keras.config.set_dtype_policy(recipe.precision)
    model, average = network.build(), network.build()
    average.set_weights(model.get_weights())
    total = recipe.epochs * recipe.steps
    rate = keras.optimizers.schedules.CosineDecay(
        0.0,
        max(1, total - _WARM_UP_STEPS),
        alpha=0.005,
        warmup_target=recipe.rate,
        warmup_steps=_WARM_UP_STEPS,
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.decay, global_clipnorm=_CLIP)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    optimizer.build(model.trainable_variables)
    return Trainer(model, average, optimizer, recipe, composer, validation)


def _step(
    model: keras.Model, average: keras.Model, optimizer: Any, recipe: Recipe
) -> Callable[[Any, Any], Any]:
    """Return a step of training as a TensorFlow function.

    It takes pixels and targets, and returns the loss's parts.
    """

    @tf.function  # type: ignore[untyped-decorator]
    def step(pixels: Any, wanted: Any) -> Any:
        with tf.GradientTape() as tape:
            parts = losses(model(scaled(pixels), training=True), wanted)
            total = tf.add_n(parts)
        gradients = tape.gradient(total, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        done = tf.cast(optimizer.iterations, tf.float32)
        share = tf.minimum(recipe.momentum, (1 + done) / (10 + done))
        for old, new in zip(average.weights, model.weights, strict=True):
            old.assign(old * share + new * (1 - share))
        return tf.stack(parts)

    return step  # type: ignore[no-any-return]


def scaled(pixels: Any) -> Any:
    """Return raw pixels as the network takes them."""
    return (tf.cast(pixels, tf.float32) - network.ZERO_PIXEL) / network.PIXEL_SCALE


def detected(model: keras.Model, scenes: Sequence[Scene]) -> Iterator[FloatArray]:
    """Yield the float network's faces in each scene, at its own size.

    They are `(n, 6)` as of `decoded`.
    """

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[tf.TensorSpec((None, None, None, 1), tf.uint8)]
    )
    def answers(pixels: Any) -> Any:
        return model(scaled(pixels), training=False)

    for scene in scenes:
        outputs = [output[0].numpy() for output in answers(padded(scene.gray)[None, ..., None])]
        levels = [
            decoded(Level(*level[:2]), Answer(score), Answer(box), _LEAST_LOGIT)
            for level, score, box in zip(LEVELS, outputs[::2], outputs[1::2], strict=True)
        ]
        yield deduplicate(levels).astype(np.float32)


def padded(gray: ByteArray) -> ByteArray:
    """Return the picture in a size that the network takes, gray right and below."""
    height, width = (-(-side // _MULTIPLE) * _MULTIPLE for side in gray.shape)
    canvas = np.full((height, width), int(network.ZERO_PIXEL), np.uint8)
    canvas[: gray.shape[0], : gray.shape[1]] = gray
    return canvas
