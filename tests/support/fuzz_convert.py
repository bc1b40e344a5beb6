"""Damaged models for the converter: `python -m tests.support.fuzz_convert --count 500 --seed 1`.

Small real models are saved in every format and then changed: bytes flipped, cut, doubled, zeroed;
values in their JSON swapped or dropped. One process tries one file after the other; it is started
again after a hang, or where a library ended it; such a file is then given to `fer-convert` itself,
whose worker may die but not the command. Each file must give a model or one line within 60 s and
leave nothing behind.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

HANG_S = 60.0
#: A file for which the process takes longer goes to the command.
PATIENCE_S = 40.0
START_S, READY = 300.0, "ready"
#: How many damaged files that still load are converted; that takes seconds each.
WHOLE = 0.1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = fuzz(Path(folder), options.count, options.seed)
    print(dict(found.outcomes), f"; the longest took {found.longest_s:.0f} s")
    print("\n".join([*found.ended, *found.faults]))
    return 1 if found.faults else 0


@dataclass
class Found:
    """How many files ended how, what the longest took, and a line for each that stands out.

    `ended` are files that ended or hung the process and that the command refused; `faults` are
    files that ended as none may.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    longest_s: float = 0.0
    ended: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add(self, number: int, outcome: str, took_s: float) -> None:
        self.outcomes[outcome.partition(":")[0]] += 1
        self.longest_s = max(self.longest_s, took_s)
        if outcome.startswith("FAULT"):
            self.faults.append(f"{number}: {outcome}")
        elif outcome.startswith("refused by the command"):
            self.ended.append(f"{number}: {outcome} ({took_s:.0f} s)")


def fuzz(folder: Path, count: int, seed: int) -> Found:
    """How `count` damaged files ended."""
    context = multiprocessing.get_context("spawn")
    maker = context.Process(target=save_models, args=(folder / "models",))
    maker.start()
    maker.join()
    found = Found()
    number = 0
    while number < count:
        here, there = context.Pipe()
        child = context.Process(target=work, args=(there, folder, number, count, seed))
        child.start()
        there.close()
        patience_s = START_S
        while here.poll(patience_s):
            patience_s = PATIENCE_S
            try:
                number, outcome, took_s = here.recv()
            except EOFError:
                break
            if outcome != READY:
                found.add(number, outcome, took_s)
                number += 1
        child.join(1)
        child.kill()
        child.join()
        if number < count:
            found.add(number, *by_command(folder / f"try-{number}"))
            number += 1
    return found


def work(pipe: Connection, folder: Path, first: int, count: int, seed: int) -> None:
    """Try the files `first` to `count`; tell how each ended."""
    hush()
    import convert.pipeline  # noqa: F401  # takes seconds, which are no file's

    pipe.send((first, READY, 0.0))
    models = folder / "models"
    originals = sorted(path for path in models.iterdir() if path.is_file())
    for number in range(first, count):
        rng = random.Random(f"{seed} {number}")
        original = rng.choice(originals)
        place = folder / f"try-{number}"
        place.mkdir()
        damaged = place / original.name
        damaged.write_bytes(damage(original, rng))
        before = time.monotonic()
        outcome = attempt(damaged, models, place, whole=rng.random() < WHOLE)
        pipe.send((number, outcome, time.monotonic() - before))


def by_command(place: Path) -> tuple[str, float]:
    """How `fer-convert` takes the damaged file in `place`, and in how many seconds."""
    files = sorted(place.iterdir())
    weights = ["--weights", str(place.parent / "models/pair.h5")] * (files[0].suffix == ".json")
    command = [sys.executable, "-m", "convert", str(files[0]), "-o", str(place / "out.tflite")]
    before = time.monotonic()
    try:
        done = subprocess.run(
            [*command, *weights], capture_output=True, text=True, timeout=HANG_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"FAULT: {files[0].name}: fer-convert hangs", HANG_S
    told = [line for line in done.stderr.splitlines() if line.startswith("fer-convert: ")]
    sound = done.returncode in (1, 2, 65) and len(told) == 1 and "Traceback" not in done.stderr
    if not sound or sorted(place.iterdir()) != files:
        outcome = f"FAULT: {files[0].name}: {done.stderr[-300:]!r}"
    else:
        outcome = f"refused by the command: {told[0].partition(files[0].name)[2]}"
    return outcome, time.monotonic() - before


def attempt(damaged: Path, models: Path, place: Path, *, whole: bool) -> str:
    """How the converter takes the file: `converted`, `refused`, or `FAULT` with the reason.

    With `whole` a file that loads is converted; else it ends at what its untrained network cannot
    tell, which is counted as `loaded`.
    """
    from convert.inspection.findings import Unclear
    from convert.pipeline.convert import convert
    from convert.request import Request
    from edge.errors import FerEdgeError
    from edge.expressions.model_card import read_card

    out = place / "out.tflite"
    weights = str(models / "pair.h5") if damaged.suffix == ".json" else None
    known = {"labels": "fer", "input_range": "0..1"} if whole else {}
    request = Request(str(damaged), str(out), weights, min_agreement=0.0, **known)
    before, outcome = time.monotonic(), "converted"
    try:
        if damaged.suffix == ".tflite":
            read_card(damaged)
        convert(request, lambda *_: None)
    except FerEdgeError as problem:
        lines = len(str(problem).splitlines())
        ended = "loaded" if isinstance(problem, Unclear) else "refused"
        outcome = ended if lines == 1 else f"FAULT: {damaged.name}: {lines} lines: {problem!r}"
        if out.exists():
            outcome = f"FAULT: {damaged.name}: refused, but a file is left"
    except BaseException as error:  # noqa: BLE001  # what must not happen is what is looked for
        outcome = f"FAULT: {damaged.name}: {type(error).__name__}: {error!s:.200}"
    if time.monotonic() - before > HANG_S:
        outcome = f"FAULT: {damaged.name}: took {time.monotonic() - before:.0f} s"
    if extra := {file.name for file in place.iterdir()} - {damaged.name, out.name}:
        outcome = f"FAULT: {damaged.name}: left {extra}"
    return outcome


def damage(path: Path, rng: random.Random) -> bytes:
    """The file's bytes with one to eight changes; half the time in its JSON, where it has any."""
    if path.suffix in (".json", ".keras") and rng.random() < 0.5:
        return damage_json(path, rng)
    content = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 8)):
        where, length = rng.randrange(len(content)), rng.choice([1, 1, 1, 4, 64, 1024])
        kind = rng.choice(["flip", "zero", "double", "cut", "random"])
        if kind == "flip":
            content[where] ^= 1 << rng.randrange(8)
        elif kind == "zero":
            content[where : where + length] = bytes(len(content[where : where + length]))
        elif kind == "double":
            content[where:where] = content[where : where + length]
        elif kind == "random":
            content[where : where + length] = rng.randbytes(len(content[where : where + length]))
        elif len(content) > 100 and rng.random() < 0.3:
            del content[where:]
            content += b"\0"
    return bytes(content)


def damage_json(path: Path, rng: random.Random) -> bytes:
    """The file with values of its JSON replaced, dropped or swapped."""
    text = path.read_text() if path.suffix == ".json" else ""
    if not text:
        with zipfile.ZipFile(path) as archive:
            text = archive.read("config.json").decode()
    config = json.loads(text)
    for _ in range(rng.randint(1, 4)):
        parent, key = rng.choice(list(places(config)))
        kind = rng.randrange(3)
        if kind == 0 and isinstance(parent, dict):
            del parent[key]
        elif kind == 1:
            values: list[Any] = [None, -1, 0, 10**9, 1.5, "", "relu", [], {}, True, ["a"], "Lambda"]
            parent[key] = rng.choice(values)
        else:
            other, other_key = rng.choice(list(places(config)) or [(parent, key)])
            parent[key] = json.loads(json.dumps(other[other_key]))
    if path.suffix == ".json":
        return json.dumps(config).encode()
    made = path.with_name(f".{rng.random()}")
    try:
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(made, "w") as copy:
            for name in archive.namelist():
                new = json.dumps(config).encode() if name == "config.json" else archive.read(name)
                copy.writestr(name, new)
        return made.read_bytes()
    finally:
        made.unlink(missing_ok=True)


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every `(container, key)` in a JSON value, however deep."""
    keys = (
        list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
    )
    found = [(node, key) for key in keys]
    for key in keys:
        found += places(node[key])
    return found


def hush() -> None:
    """Keep TensorFlow, which is not imported yet, from writing to the terminal."""
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def save_models(folder: Path) -> None:
    """A small network in each format that Keras 3 and tf-keras write, and a `.tflite`."""
    hush()
    folder.mkdir()
    import keras
    import tf_keras

    from convert.pipeline.convert import convert
    from convert.request import Request

    for kind, name in ((keras, "new"), (tf_keras, "old")):
        layers = kind.layers
        model = kind.Sequential(
            [
                kind.Input((48, 48, 1)),
                layers.Conv2D(4, 3, activation="relu"),
                layers.BatchNormalization(),
                layers.Dropout(0.2),
                layers.GlobalAveragePooling2D(),
                layers.Dense(7, activation="softmax"),
            ]
        )
        model.save(folder / f"{name}.h5")
        model.save(folder / f"{name}.keras")
    (folder / "pair.json").write_text(model.to_json())
    model.save_weights(folder / "pair.h5")
    made = folder / "made.tflite"
    options: dict[str, Any] = {"labels": "fer", "input_range": "0..1", "min_agreement": 0.0}
    convert(Request(str(folder / "new.keras"), str(made), **options), lambda *_: None)


if __name__ == "__main__":
    sys.exit(main())
