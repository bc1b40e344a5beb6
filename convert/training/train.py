"""Train a network, from data to file, in the worker process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from convert.loading.training_record import write_record
from convert.request import Progress
from convert.scoring.metrics import expected_calibration_error
from convert.training import (
    answers,
    checkpoint,
    curves,
    distillation,
    fit,
    networks,
    temperature_scaling,
)
from convert.training.checkpoint import State
from convert.training.dataset import Dataset, load
from convert.training.history import History, best_epoch, write_csv
from convert.training.recipe import Recipe, side
from edge import __version__
from edge.errors import UsageError


def train(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Train as `request` says and return the record of the training.

    `request` has `recipe`, `data`, `contempt`, `resume` and `out`. Writes `out`, and next to it the
    history as `.csv` and the curves as `.png`. During training, a `.training` file next to them
    holds the state after the last complete epoch.
    """
    recipe = Recipe.from_dict(request["recipe"])
    out = Path(request["out"])
    unfinished = checkpoint.checkpoint_path(out)
    progress("reading", 0, 1)
    paths = [Path(path) for path in request["data"]]
    dataset = load(paths, side(recipe.network), request["contempt"])
    trainer = fit.trainer(dataset, recipe)
    resumed = None
    if request["resume"]:
        resumed = checkpoint.resumed(unfinished, recipe, trainer.origins)
    notes = [*dataset.notes, *trainer.notes, *_vote_notes(dataset, recipe)]
    for note in notes:
        progress(note, 0, 0)

    if not resumed:  # --force discards an unfinished training
        unfinished.unlink(missing_ok=True)

    def keep(after: State) -> None:
        after.save(unfinished)
        write_csv(after.history, out.with_suffix(".csv"))

    ended = trainer.run(resumed, _reporter(recipe, progress), keep)
    if len(ended.history) < recipe.epochs:
        number = len(ended.history) + 1
        notes.append(f"epoch {number}: the loss is NaN; the best epoch before it is kept")
        progress(notes[-1], 0, 0)
    record = _finish(ended, dataset, out)
    unfinished.unlink()
    return {"file": request["out"], **record, "notes": notes}


def answer(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Write the teachers' answers to the training pictures to `out`; return facts.

    `request` has `recipe`, `data`, `contempt` and `out`.
    """
    recipe = Recipe.from_dict(request["recipe"])
    progress("reading", 0, 1)
    paths = [Path(path) for path in request["data"]]
    dataset = load(paths, side(recipe.network), request["contempt"])
    teacher = distillation.ensemble(recipe.teachers, dataset.classes, recipe.precision)
    if teacher is None:
        raise UsageError("no teachers to answer")
    out = Path(request["out"])
    answers.write(out, teacher, recipe.teachers, dataset.train, dataset.classes, progress)
    return {"file": request["out"], "answered": len(dataset.train.labels)}


def _finish(ended: State, dataset: Dataset, out: Path) -> dict[str, Any]:
    """Write the best epoch's network in float32; return its record.

    Its confidence is calibrated by temperature scaling.
    """
    recipe, best = ended.recipe, best_epoch(ended.history, ended.recipe)
    keras.config.set_dtype_policy("float32")
    model = networks.build(recipe.network, fit.style(recipe, len(dataset.classes)))
    model.set_weights(ended.best)
    pixels, labels = fit.validation_input(model, dataset), dataset.validation.labels
    logits = temperature_scaling.without_softmax(model).predict(pixels, verbose=0)
    temperature = temperature_scaling.best_temperature(logits, labels)
    temperature_scaling.fold(model, temperature)
    errors = [
        expected_calibration_error(temperature_scaling.softmax(logits / divisor), labels)
        for divisor in (1.0, temperature)
    ]
    record = {
        "labels": list(dataset.classes),
        "recipe": recipe.as_dict() | _names(recipe),
        "trained_by": f"fer-train {__version__}, keras {keras.version()}",
        "data": ended.origins[0],
        "teachers": list(ended.origins[1 : 1 + len(recipe.teachers)]),
        "starts": list(ended.origins[1 + len(recipe.teachers) :]),
        "pictures": {"train": len(dataset.train.labels), "validation": len(labels)},
        "parameters": model.count_params(),
        "epoch": int(ended.history[best]["epoch"]),
        "accuracy": round(float((logits.argmax(axis=1) == labels).mean()), 4),
        "temperature": round(temperature, 4),
        "calibration_error": {"before": round(errors[0], 4), "after": round(errors[1], 4)},
    }
    if "degraded_accuracy" in ended.history[best]:
        record["degraded_accuracy"] = ended.history[best]["degraded_accuracy"]
    part = out.with_name(f".{out.stem}.part.keras")
    model.save(part)
    write_record(part, record)
    part.replace(out)
    title = f"{recipe.network}: {record['accuracy']:.1%} after epoch {record['epoch']}"
    curves.draw(ended.history, best, title, out.with_suffix(".png"))
    return record


def _names(recipe: Recipe) -> dict[str, Any]:
    """Return the files of weights that a recipe names, without their folders."""
    files = {"teachers": recipe.teachers, "starts": recipe.starts}
    return {kind: [Path(name).name for name in names] for kind, names in files.items()}


def _vote_notes(dataset: Dataset, recipe: Recipe) -> Iterator[str]:
    """Yield a note on the use of FER+'s votes if it may be unexpected."""
    has_votes = bool(dataset.train.votes.any())
    if has_votes and not recipe.votes:
        yield "FER+'s votes only decide what to leave out; --votes 0.3 also learns from them"
    if recipe.votes and not has_votes:
        yield "no FER+ votes in the data: only the labels are learnt"


def _reporter(recipe: Recipe, progress: Progress) -> fit.Report:
    """Return a function that reports the epoch, the accuracies and the time left."""

    def report(history: History, done: int, total: int) -> None:
        text = f"epoch {len(history) + 1}/{recipe.epochs}"
        if history:
            best = history[best_epoch(history, recipe)]["validation_accuracy"]
            pace_s = sum(row["seconds"] for row in history) / len(history)
            left = _duration(pace_s * (recipe.epochs - len(history)))
            last = history[-1]["validation_accuracy"]
            text += f", {left} left, validation {last:.1%} (best {best:.1%})"
            if "degraded_accuracy" in history[-1]:
                text += f", degraded {history[-1]['degraded_accuracy']:.1%}"
        progress(text, done, total)

    return report


def _duration(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
