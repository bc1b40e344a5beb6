"""fer-train: train an expression network on FER2013 and similar data."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from convert import process
from convert.cli import task
from convert.cli.command import run
from convert.cli.progress import Bars
from convert.cli.train_options import parser, recipe_of
from convert.detection import command as detection
from convert.training.checkpoint import checkpoint_path
from convert.training.recipe import Recipe
from edge.errors import UsageError

#: Advice if no data is given.
DATA_HELP = (
    "--data: no faces to train on: download fer2013.csv from Kaggle's competition 'challenges-in-"
    "representation-learning-facial-expression-recognition-challenge' and give its path"
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if (rest := task.faces(arguments)) is not None:
        return detection.main(rest)
    bars = Bars()

    def work() -> int:
        options = parser().parse_args(arguments)
        facts = _answer(options, bars) if options.answers else _train(options, bars)
        bars.close()
        if options.json:
            print(json.dumps(facts))
        else:
            _show(facts)
        return 0

    return run("fer-train", work, bars, as_json="--json" in arguments)


def _train(options: argparse.Namespace, bars: Bars) -> dict[str, Any]:
    recipe = recipe_of(options)
    out = _checked(options)
    request = _request("train", options, recipe, out) | {"resume": options.resume}
    try:
        return process.run(request, bars, options.verbose)
    except KeyboardInterrupt:
        if checkpoint_path(out).exists():
            bars.close()
            print("fer-train: stopped; add --resume to continue", file=sys.stderr)
        raise


def _request(task: str, options: argparse.Namespace, recipe: Recipe, out: Path) -> dict[str, Any]:
    """Return what the worker process is asked for."""
    return {
        "task": task,
        "source": options.data[0],
        "recipe": recipe.as_dict(),
        "data": options.data,
        "contempt": options.contempt,
        "out": str(out),
    }


def _answer(options: argparse.Namespace, bars: Bars) -> dict[str, Any]:
    """Write the teachers' answers; see `convert.training.answers`."""
    recipe, out = recipe_of(options), options.answers
    if not options.data:
        raise UsageError(DATA_HELP)
    if not recipe.teachers:
        raise UsageError("--answers: no --teacher to answer")
    if out.suffix != ".npz":
        raise UsageError(f"--answers {out}: must be the name of an .npz file")
    _check_writable(out)
    _check_kept([out], options, f"--answers {out}")
    if out.exists() and not options.force:
        raise UsageError(f"{out}: already exists; overwrite it with --force")
    return process.run(_request("answer", options, recipe, out), bars, options.verbose)


def _checked(options: argparse.Namespace) -> Path:
    """Return where to write, after all checks that are possible before training."""
    if not options.data:
        raise UsageError(DATA_HELP)
    out: Path = getattr(options, "out", Path(f"{options.network}.keras"))
    if out.suffix != ".keras":
        raise UsageError(f"--out {out}: must be the name of a .keras file")
    _check_writable(out)
    unfinished, beside = checkpoint_path(out), [out.with_suffix(".csv"), out.with_suffix(".png")]
    _check_kept([out, unfinished, *beside], options, f"--out {out}")
    if unfinished.exists() and not (options.resume or options.force):
        how = "continue with --resume, or start over with --force"
        raise UsageError(f"{unfinished}: an unfinished training; {how}")
    for path in (out, *beside):
        if path.is_dir():
            raise UsageError(f"{path}: is a folder; give another --out")
        if path.exists() and not (options.force or (options.resume and path != out)):
            raise UsageError(f"{path}: already exists; overwrite it with --force")
    return out


def _check_writable(out: Path) -> None:
    if not os.access(out.absolute().parent, os.W_OK):
        raise UsageError(f"{out}: its folder is not writable")


def _check_kept(written: list[Path], options: argparse.Namespace, by: str) -> None:
    """Raise `UsageError` if a file to read is one that will be written."""
    ours, option = [path.resolve() for path in written], by.split(maxsplit=1)[0]
    for path in map(Path, [*options.data, *_files(options)]):
        if path.resolve() in ours:
            raise UsageError(f"{path}: would be overwritten by {by}; choose another {option}")


def _files(options: argparse.Namespace) -> list[str]:
    """Return the trained files that options name."""
    return [*getattr(options, "teachers", []), *getattr(options, "starts", [])]


def _show(facts: dict[str, Any]) -> None:
    if "answered" in facts:
        print(f"{facts['file']}: answers to {facts['answered']} training pictures")
        print(f"next: fer-train --teacher {facts['file']} --data ...")
        return
    error = facts["calibration_error"]
    print(
        f"{facts['file']}: {facts['parameters']:,} parameters, epoch {facts['epoch']},"
        f" validation accuracy {facts['accuracy']:.2%},"
        f" calibration error {error['after']:.3f} ({error['before']:.3f} before temperature"
        f" {facts['temperature']:.2f})"
    )
    print(f"next: fer-convert {facts['file']}")


if __name__ == "__main__":
    raise SystemExit(main())
