"""What `fer-train` does, from data to file. Runs in the worker; has no eye for screens."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from convert.request import Progress
from convert.scoring.metrics import expected_calibration_error
from convert.training import curves, distil, fit, networks, state, temperature
from convert.training.dataset import Dataset, load
from convert.training.recipe import Recipe, side
from convert.training.stamp import stamp
from convert.training.state import State
from edge import __version__


def train(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Train as `request` says (`recipe`, `data`, `contempt`, `resume`, `out`); what came of it.

    Leaves `out`, the history beside it as `.csv`, and the curves as `.png`. While it runs, a file
    `.training` beside them holds the state after the last epoch.
    """
    recipe = Recipe.from_dict(request["recipe"])
    out, unfinished = Path(request["out"]), state.state_path(Path(request["out"]))
    progress("reading", 0, 1)
    paths = [Path(path) for path in request["data"]]
    dataset = load(paths, side(recipe.network), request["contempt"])
    teacher = distil.together(recipe.teachers, dataset.classes, recipe.precision)
    trainer = fit.trainer(dataset, recipe, teacher)
    begun = None
    if request["resume"]:
        begun = state.resumed(unfinished, recipe, trainer.origins)
    notes = [*dataset.notes, *_of_votes(dataset, recipe)]
    for note in notes:
        progress(note, 0, 0)

    if not begun:  # what --force was asked to give up
        unfinished.unlink(missing_ok=True)

    def keep(after: State) -> None:
        after.save(unfinished)
        _write_history(after, out.with_suffix(".csv"))

    ended = trainer.run(begun, _teller(recipe, progress), keep)
    if len(ended.history) < recipe.epochs:
        number = len(ended.history) + 1
        notes.append(f"epoch {number}: the loss is not a number; the best before is kept")
        progress(notes[-1], 0, 0)
    facts = _finish(ended, dataset, out)
    unfinished.unlink()
    return {"file": request["out"], **facts, "notes": notes}


def _finish(ended: State, dataset: Dataset, out: Path) -> dict[str, Any]:
    """Write the best epoch's network, in float32, its confidence scaled; the facts about it."""
    recipe, best = ended.recipe, fit.best_epoch(ended.history, ended.recipe)
    keras.config.set_dtype_policy("float32")
    model = networks.build(recipe.network, fit.style(recipe, len(dataset.classes)))
    model.set_weights(ended.best)
    pixels, labels = fit.validation_input(model, dataset), dataset.validation.labels
    logits = temperature.scores(model).predict(pixels, verbose=0)
    scale = temperature.best_temperature(logits, labels)
    temperature.fold(model, scale)
    errors = [
        expected_calibration_error(temperature.softmax(logits / divisor), labels)
        for divisor in (1.0, scale)
    ]
    facts = {
        "labels": list(dataset.classes),
        "recipe": recipe.as_dict() | {"teachers": [Path(name).name for name in recipe.teachers]},
        "trained_by": f"fer-train {__version__}, keras {keras.version()}",
        "data": ended.origins[0],
        "teachers": list(ended.origins[1:]),
        "pictures": {"train": len(dataset.train.labels), "validation": len(labels)},
        "parameters": model.count_params(),
        "epoch": best + 1,
        "accuracy": round(float((logits.argmax(axis=1) == labels).mean()), 4),
        "temperature": round(scale, 4),
        "calibration_error": {"before": round(errors[0], 4), "after": round(errors[1], 4)},
    }
    part = out.with_name(f".{out.stem}.part.keras")
    model.save(part)
    stamp(part, facts)
    part.replace(out)
    title = f"{recipe.network}: {facts['accuracy']:.1%} after epoch {best + 1}"
    curves.draw(ended.history, best, title, out.with_suffix(".png"))
    return facts


def _of_votes(dataset: Dataset, recipe: Recipe) -> Iterator[str]:
    """What the recipe makes of FER+'s votes, where that is not what somebody may think."""
    there = bool(dataset.train.votes.any())
    if there and not recipe.votes:
        yield "the votes of FER+ only say what to leave out; --votes 0.3 learns from them, too"
    if recipe.votes and not there:
        yield "no votes of FER+ in the data: the labels alone are learnt"


def _write_history(ended: State, path: Path) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(ended.history[0]))
        table.writeheader()
        table.writerows(ended.history)
    part.replace(path)


def _teller(recipe: Recipe, progress: Progress) -> fit.Told:
    """Tells the epoch, how good the last one was and the best, and the time that is left."""

    def told(history: fit.History, done: int, total: int) -> None:
        words = f"epoch {len(history) + 1}/{recipe.epochs}"
        if history:
            kept = history[fit.best_epoch(history, recipe)]["validation_accuracy"]
            pace_s = sum(row["seconds"] for row in history) / len(history)
            left = _span(pace_s * (recipe.epochs - len(history)))
            last = history[-1]["validation_accuracy"]
            words += f", {left} to go, validation {last:.1%} (best {kept:.1%})"
        progress(words, done, total)

    return told


def _span(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
