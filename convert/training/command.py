"""fer-train: trains an expression network on FER2013 and the like, and keeps its best epoch."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from convert import process
from convert.screen import Bars, exit_code
from convert.training import augment
from convert.training.recipe import NETWORKS, Recipe, preset
from convert.training.state import state_path
from edge import __version__
from edge.errors import UsageError, meant

EXAMPLES = """examples:
  fer-train --data fer2013.csv
  fer-train --network deep-cnn --data fer2013.csv ckplus/ --out deep.keras --mixup 0.2
  fer-train --network tiny --data fer2013.npz --teacher compact.keras
"""
#: What to do for somebody who has no data yet.
DATA_HELP = (
    "--data: needs faces to train on: download fer2013.csv of Kaggle's competition"
    " 'challenges-in-representation-learning-facial-expression-recognition-challenge',"
    " put it anywhere, and give its path"
)


def parser() -> argparse.ArgumentParser:
    """The options. What is left out is as the network's own recipe has it."""
    made = argparse.ArgumentParser(
        prog="fer-train",
        usage="fer-train --data PATH... [--network NAME] [--out FILE.keras] [options]",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    add = made.add_argument
    data = "FER2013 csv, npz, class folders; may be repeated"
    add("--network", metavar="NAME", default=NETWORKS[0], help=", ".join(NETWORKS))
    add("--data", metavar="PATH", nargs="+", action="extend", default=[], help=data)
    add("--out", metavar="FILE", type=Path, help="history and curves go beside it (NAME.keras)")
    _flag(add, "--contempt", "keep contempt as an eighth class")
    _flag(add, "--resume", "go on where the same training stopped")
    _flag(add, "--force", "overwrite --out")
    _flag(add, "--json", "print what came of it as JSON")
    _flag(add, "--verbose", "show TensorFlow's own output", "-v")
    add("--version", action="version", version=f"fer-train {__version__}")
    _recipe_options(made.add_argument_group("recipe (each network has its own)").add_argument)
    return made


def _flag(add: Callable[..., Any], name: str, meaning: str, *short: str) -> None:
    add(*short, name, action="store_true", default=False, help=meaning)


def _recipe_options(add: Callable[..., Any]) -> None:
    """One option for each field of `Recipe`."""
    add("--epochs", metavar="N", type=_whole)
    add("--batch", metavar="N", type=_whole)
    add("--seed", metavar="N", type=_seed)
    add("--optimizer", choices=["adam", "adamw", "nadam"])
    add("--rate", metavar="R", type=_positive, help="highest learning rate")
    add("--weight-decay", metavar="W", type=_share)
    add("--schedule", choices=["cosine", "plateau", "constant"])
    add("--select", choices=["accuracy", "loss"], help="validation figure that picks the epoch")
    add("--loss", choices=["softmax", "hinge"], help="hinge: a linear SVM on top")
    add("--activation", choices=["relu", "elu"])
    add("--l2", metavar="L", type=_share, help="kernel regularisation of the report's networks")
    how = "none, report, light, strong, or rotation_deg=5,mirror=1,..."
    add("--augment", metavar="HOW", dest="augmentation", type=augment.parse, help=how)
    add("--mixup", metavar="ALPHA", type=_share, help="0.2 is usual; 0 for none")
    add("--mixed-batches", metavar="S", type=_share, help="share of batches that MixUp mixes")
    add("--class-weights", action="store_true", help="rare classes cost as much as frequent ones")
    add("--smoothing", metavar="S", type=_share, help="label smoothing")
    add("--votes", metavar="S", type=_share, help="share of FER+'s votes in the targets")
    add("--ema", metavar="M", type=_momentum, help="momentum of averaged weights; 0 for none")
    teacher = "a .keras of fer-train to learn from; may be repeated"
    add("--teacher", metavar="FILE", dest="teachers", action="append", help=teacher)
    add("--teacher-share", metavar="S", type=_share, help="of their answers in the targets")
    add("--precision", choices=["float32", "bfloat16"])


def main(arguments: list[str] | None = None) -> int:
    """The command; its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    bars = Bars()

    def work() -> int:
        options = parser().parse_args(arguments)
        facts = _train(options, bars)
        bars.close()
        if options.json:
            print(json.dumps(facts))
        else:
            _show(facts)
        return 0

    return exit_code("fer-train", work, bars, as_json="--json" in arguments)


def _train(options: argparse.Namespace, bars: Bars) -> dict[str, Any]:
    recipe = recipe_of(options)
    out = _checked(options)
    request = {
        "task": "train",
        "source": options.data[0],
        "recipe": recipe.as_dict(),
        "data": options.data,
        "contempt": options.contempt,
        "resume": options.resume,
        "out": str(out),
    }
    try:
        return process.run(request, bars, options.verbose)
    except KeyboardInterrupt:
        if state_path(out).exists():
            bars.close()
            print("fer-train: stopped; the same command with --resume goes on", file=sys.stderr)
        raise


def recipe_of(options: argparse.Namespace) -> Recipe:
    """The network's own recipe, with what the options say; raises `UsageError`."""
    network = options.network
    if network not in NETWORKS:
        raise UsageError(f"--network {network}: {meant(network, NETWORKS)}")
    names = {field.name for field in dataclasses.fields(Recipe)}
    given = {name: value for name, value in vars(options).items() if name in names}
    given["teachers"] = tuple(given.get("teachers", ()))
    recipe = dataclasses.replace(preset(network), **given)
    if "teacher_share" in given and not recipe.teachers:
        raise UsageError("--teacher-share: of whose answers? give a --teacher, too")
    if "mixed_batches" in given and not recipe.mixup:
        raise UsageError("--mixed-batches: nothing is mixed; give --mixup, too")
    return recipe


def _checked(options: argparse.Namespace) -> Path:
    """Where to write, if all that can be known before the work begins is in order."""
    if not options.data:
        raise UsageError(DATA_HELP)
    out: Path = getattr(options, "out", Path(f"{options.network}.keras"))
    if out.suffix != ".keras":
        raise UsageError(f"--out {out}: wanted the name of a .keras file to write")
    if not os.access(out.absolute().parent, os.W_OK):
        raise UsageError(f"{out}: its folder cannot be written to")
    begun, beside = state_path(out), [out.with_suffix(".csv"), out.with_suffix(".png")]
    ours = [path.resolve() for path in (out, begun, *beside)]
    for path in map(Path, [*options.data, *getattr(options, "teachers", [])]):
        if path.resolve() in ours:
            raise UsageError(f"{path}: would be overwritten, give another --out than {out}")
    if begun.exists() and not (options.resume or options.force):
        raise UsageError(f"{begun}: a training was stopped; --resume goes on, --force starts anew")
    for path in (out, *beside):
        if path.is_dir():
            raise UsageError(f"{path}: is a folder, and would be written; give another --out")
        if path.exists() and not (options.force or (options.resume and path != out)):
            raise UsageError(f"{path}: exists; --force overwrites it")
    return out


def _show(facts: dict[str, Any]) -> None:
    error = facts["calibration_error"]
    print(
        f"{facts['file']}: {facts['parameters']:,} parameters, epoch {facts['epoch']},"
        f" validation accuracy {facts['accuracy']:.2%},"
        f" calibration error {error['after']:.3f} ({error['before']:.3f} before temperature"
        f" {facts['temperature']:.2f})"
    )
    print(f"next: fer-convert {facts['file']}")


def _whole(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be 1 or more")
    return value


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"{text}: must be 0 to {2**32 - 1}")
    return value


def _momentum(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be from 0 to below 1")
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text}: must be over 0")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: must be 0 to 1")
    return value


if __name__ == "__main__":
    raise SystemExit(main())
