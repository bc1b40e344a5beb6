"""`python -m convert.detection.command`: train the face network."""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import cv2

from convert.detection import scenes
from convert.detection.compose import Composer
from convert.detection.paste import CLOSE_FACE, Crops
from convert.detection.recipe import PRESETS, Recipe, State, load
from edge.errors import FerEdgeError


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, write the model, and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        _train(options)
    except FerEdgeError as error:
        print(f"fer-train: {error}", file=sys.stderr)
        return error.code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fer-train --task faces", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with faces_scenes.npz")
    parser.add_argument("--out", type=Path, required=True, help="the .tflite to write")
    parser.add_argument("--paste", type=Path, help="FER2013 as .npz: faces to paste into scenes")
    parser.add_argument("--preset", choices=PRESETS, default="full")
    parser.add_argument("--resume", action="store_true", help="continue a stopped training")
    parser.add_argument("--threads", type=int, default=1, help="CPU cores for TensorFlow")
    for field in fields(Recipe):
        option = "--" + field.name.replace("_", "-")
        told = field.metadata.get("help", argparse.SUPPRESS)
        parser.add_argument(option, type=type(field.default), help=told)
    return parser


def _train(options: argparse.Namespace) -> None:
    changed = {
        field.name: value
        for field in fields(Recipe)
        if (value := getattr(options, field.name)) is not None
    }
    recipe = replace(PRESETS[options.preset], **changed)
    path = options.out.with_suffix(".training")
    # Bad input is reported before TensorFlow is imported, which takes seconds and logs.
    state = load(path, recipe) if options.resume else State()
    train, validation = (scenes.load(options.data, split) for split in (False, True))
    positives = Crops(scenes.close_faces(options.paste), CLOSE_FACE) if options.paste else None
    composer = Composer(
        train.scenes, Crops(train.negatives), positives, recipe.positive_share if positives else 0.0
    )
    _set_threads(options.threads)
    from convert.detection import fit  # noqa: PLC0415
    from convert.detection.finish import finish  # noqa: PLC0415

    trainer = fit.trainer(recipe, composer, validation.scenes)
    if options.resume:
        trainer.restore(state)
    elif recipe.start:
        trainer.start(Path(recipe.start))

    def keep(state: State) -> None:
        state.save(path, recipe)
        _table(options.out.with_suffix(".csv"), state.history)

    state = trainer.run(state, _tell, keep)
    _tell("quantizing")
    content = finish(state, recipe, composer, validation.scenes)
    unfinished = options.out.with_name(options.out.name + ".part")
    unfinished.write_bytes(content)
    unfinished.replace(options.out)
    _tell(f"{options.out}: {len(content)} bytes")


def _set_threads(count: int) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf  # noqa: PLC0415 (--help and bad input do without)

    cv2.setNumThreads(1)
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _tell(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


def _table(path: Path, history: Sequence[dict[str, float]]) -> None:
    columns = list(dict.fromkeys(key for row in history for key in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(history)


if __name__ == "__main__":
    sys.exit(main())
