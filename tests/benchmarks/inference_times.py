"""How long models take to answer, measured side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

WARM_UP = 10


def medians_ms(models: Mapping[str, Path], rounds: int) -> dict[str, float]:
    """Return the median time of one inference of each `.tflite`, in milliseconds, on one thread.

    The models alternate in each of `rounds`, so that other load affects all alike.
    """
    interpreters = {name: _ready(path) for name, path in models.items()}
    times: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(rounds + WARM_UP):
        for name, interpreter in interpreters.items():
            began = time.perf_counter()
            interpreter.invoke()
            if turn >= WARM_UP:
                times[name].append(1000 * (time.perf_counter() - began))
    return {name: statistics.median(taken) for name, taken in times.items()}


def _ready(path: Path) -> Any:
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    taken = interpreter.get_input_details()[0]
    noise = np.random.default_rng(0).integers(0, 256, taken["shape"], np.uint8)
    interpreter.set_tensor(taken["index"], noise)
    return interpreter
