"""The options of `fer-train` and the recipe that they ask for."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from convert.cli import command
from convert.cli.command import PLACE, positive, positive_integer, share
from convert.training import augment
from convert.training.recipe import NETWORKS, Recipe, preset
from edge import __version__
from edge.errors import UsageError, suggest

EXAMPLES = """examples:
  fer-train --data fer2013.csv
  fer-train --network deep-cnn --data fer2013.csv ckplus/ --out deep.keras --mixup 0.2
  fer-train --network tiny --data fer2013.npz --teacher compact.keras
  fer-train --task faces --help    trains the network that finds faces
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser; options that are left out take the recipe's values."""
    made = argparse.ArgumentParser(
        prog="fer-train",
        usage="fer-train --data PATH... [--network NAME] [--out FILE.keras] [options]",
        description="Train an expression network on FER2013 and similar data.",
        epilog=EXAMPLES + PLACE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    add = made.add_argument
    data = "FER2013 csv, npz, class folders; may be repeated"
    add("--network", metavar="NAME", default=NETWORKS[0], help=", ".join(NETWORKS))
    add("--data", metavar="PATH", nargs="+", action="extend", default=[], help=data)
    add("--out", metavar="FILE", type=Path, help="history and curves go next to it (NAME.keras)")
    kept = "write the teachers' answers to the training pictures (.npz), and train nothing"
    add("--answers", metavar="FILE", type=Path, default=None, help=kept)
    _flag(add, "--contempt", "keep contempt as an eighth class")
    _flag(add, "--resume", "continue the same training where it stopped")
    _flag(add, "--force", "overwrite --out")
    _flag(add, "--json", "print the result as JSON")
    _flag(add, "--verbose", "show TensorFlow's own output", "-v")
    add("--version", action="version", version=f"fer-train {__version__}")
    _recipe_options(made.add_argument_group("recipe (each network has its own)").add_argument)
    return made


def _flag(add: Callable[..., Any], name: str, meaning: str, *short: str) -> None:
    add(*short, name, action="store_true", default=False, help=meaning)


def _recipe_options(add: Callable[..., Any]) -> None:
    """Add one option for each field of `Recipe`."""
    epochs = "0 keeps the mean of the --start files, calibrated"
    add("--epochs", metavar="N", type=command.whole_number, help=epochs)
    add("--batch", metavar="N", type=positive_integer)
    add("--seed", metavar="N", type=command.seed)
    add("--optimizer", choices=["adam", "adamw", "nadam"])
    add("--rate", metavar="R", type=positive, help="peak learning rate")
    add("--weight-decay", metavar="W", type=share)
    add("--schedule", choices=["cosine", "plateau", "constant"])
    add("--select", choices=["accuracy", "loss"], help="validation metric that selects the epoch")
    add("--loss", choices=["softmax", "hinge"], help="hinge: a linear SVM on top")
    add("--activation", choices=["relu", "elu"])
    add("--l2", metavar="L", type=share, help="kernel regularisation of the report's networks")
    kinds = f"{', '.join(augment.AUGMENTATIONS)}, or rotation_deg=5,mirror=1,..."
    add("--augment", metavar="KIND", dest="augmentation", type=augment.parse, help=kinds)
    add("--mixup", metavar="ALPHA", type=share, help="0.2 is usual; 0 for none")
    add("--mixed-batches", metavar="S", type=share, help="share of batches that use MixUp")
    add("--class-weights", action="store_true", help="weight rare classes as much as frequent ones")
    add("--smoothing", metavar="S", type=share, help="label smoothing")
    add("--votes", metavar="S", type=share, help="share of FER+'s votes in the targets")
    add("--ema", metavar="M", type=command.momentum, help="momentum of averaged weights; 0: none")
    teacher = "a .keras of fer-train or a .tflite to learn from, repeated: their mean; or --answers"
    add("--teacher", metavar="FILE", dest="teachers", action="append", help=teacher)
    part = "share of the teachers' answers in the targets"
    add("--teacher-share", metavar="S", type=share, help=part)
    begin = "a .keras or .tflite of the same network to begin with; repeated: their mean"
    add("--start", metavar="FILE", dest="starts", action="append", help=begin)
    add("--precision", choices=["float32", "bfloat16"])


def recipe_of(options: argparse.Namespace) -> Recipe:
    """Return the network's recipe, changed by the options; raise `UsageError`."""
    network = options.network
    if network not in NETWORKS:
        raise UsageError(f"--network {network}: {suggest(network, NETWORKS)}")
    names = {field.name for field in dataclasses.fields(Recipe)}
    given = {name: value for name, value in vars(options).items() if name in names}
    given |= {name: tuple(given.get(name, ())) for name in ("teachers", "starts")}
    recipe = dataclasses.replace(preset(network), **given)
    if not recipe.epochs and not recipe.starts:
        raise UsageError("--epochs 0: nothing to keep without --start")
    if "teacher_share" in given and not recipe.teachers:
        raise UsageError("--teacher-share: no effect without --teacher")
    if "mixed_batches" in given and not recipe.mixup:
        raise UsageError("--mixed-batches: no effect without --mixup")
    return recipe
