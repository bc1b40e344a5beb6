"""Processes of their own, for what one process cannot tell of itself: memory, and the start.

`python -m edge.bench_child TASK` reads a pickled `(Config, frames)` from its parent on stdin and
answers with one line of JSON.
"""

from __future__ import annotations

import compileall
import gc
import json
import os
import pickle
import statistics
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from edge.config import Config
from edge.errors import Problem
from edge.records import Reading
from edge.systemd import Notifier

#: Media of so many frames fills every window and cooldown before allocations are counted.
SETTLED_FRAMES, COUNTED_FRAMES = 5_000, 10_000
#: The start is measured so often, in turn with the imports: it is short, and processes differ.
_STARTS = 5
#: What the loop stands on, and an open video whose decoder has filled its buffers: nothing of ours.
_IMPORTS = """
import importlib, json, sys, time
import numpy, cv2, paho.mqtt.client
for runtime in ("ai_edge_litert.interpreter", "tflite_runtime.interpreter"):
    try:
        importlib.import_module(runtime)
        break
    except ImportError:
        pass
cpu_s = time.process_time()
capture = cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG)
for _ in range(30):
    capture.read()
(rss,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")]
print(json.dumps({"cpu_s": cpu_s, "rss_mb": int(rss) / 1024}))
"""


def memory_and_start(config: Config, frames: int | None) -> dict[str, Any]:
    """What the service needs, playing the first `frames` of the configured file; None: all.

    `rss_mb` at the last frame and `rss_peak_mb`; `startup_cpu_s` to the first reading, None where
    there is none; the same of bare `imports`, as `cpu_s` and `rss_mb`. CPU times are medians.
    """
    # As pip does where it installs: else a source tree may be compiled anew at every start.
    compileall.compile_dir(Path(__file__).parent, quiet=2)
    bare = [sys.executable, "-c", _IMPORTS, config.camera.source]
    starts, imports = [], []
    for _ in range(_STARTS):
        imports.append(_answer(bare, b""))
        starts.append(_ours("start", config, frames)["startup_cpu_s"])
    return _ours("memory", config, frames) | {
        "startup_cpu_s": None if None in starts else statistics.median(starts),
        "imports": {key: statistics.median(one[key] for one in imports) for key in imports[0]},
    }


def allocations(config: Config) -> dict[str, Any]:
    """How much Python's memory grew over `frames` frames: `growth_kb`, as tracemalloc counts."""
    return _ours("allocations", config, None)


def _ours(task: str, config: Config, frames: int | None) -> dict[str, Any]:
    command = [sys.executable, "-m", "edge.bench_child", task]
    return _answer(command, pickle.dumps((config, frames)))


def _answer(command: list[str], request: bytes) -> dict[str, Any]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, input=request, stdout=subprocess.PIPE, env=environment, check=False
    )
    if done.returncode:
        raise Problem(f"the measuring process {' '.join(command[1:3])} ended: {done.returncode}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


# In the process itself


def _start(config: Config, frames: int | None) -> dict[str, Any]:
    first: list[float] = []

    def each(count: int, readings: Collection[Reading]) -> bool:
        if readings:
            first.append(time.process_time())
        return bool(first) or count == frames

    _serve(config, 1, each)
    return {"startup_cpu_s": first[0] if first else None}


def _memory(config: Config, frames: int | None) -> dict[str, Any]:
    last_mb = 0.0

    def each(count: int, _: Collection[Reading]) -> bool:
        nonlocal last_mb
        last_mb = _memory_mb("VmRSS")
        return count == frames

    _serve(config, 1, each)
    return {"rss_mb": last_mb, "rss_peak_mb": max(last_mb, _memory_mb("VmHWM"))}


def _allocations(config: Config, _frames: int | None) -> dict[str, Any]:
    traced_kb: list[float] = []

    def each(count: int, _: Collection[Reading]) -> bool:
        if count in {SETTLED_FRAMES, SETTLED_FRAMES + COUNTED_FRAMES}:
            gc.collect()
            traced_kb.append(tracemalloc.get_traced_memory()[0] / 1024)
        return len(traced_kb) == 2

    tracemalloc.start()
    _serve(config, SETTLED_FRAMES + COUNTED_FRAMES, each)
    return {"frames": COUNTED_FRAMES, "growth_kb": traced_kb[1] - traced_kb[0]}


def _serve(config: Config, loops: int, each: Callable[[int, Collection[Reading]], bool]) -> None:
    """`fer-edge run` until `each`, called with the number of every frame, is True."""
    from edge import __main__, daemon  # noqa: F401, PLC0415 (the command's own imports count)

    stop, count = threading.Event(), 0

    def listener(readings: Iterable[Reading]) -> None:
        nonlocal count
        count += 1
        if each(count, tuple(readings)):
            stop.set()

    daemon.serve(config, stop, Notifier(""), loops=loops, listener=listener)


def _memory_mb(kind: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(kind):
            return int(line.split()[1]) / 1024
    raise Problem(f"/proc/self/status: tells no {kind}")


if __name__ == "__main__":
    tasks = {"start": _start, "memory": _memory, "allocations": _allocations}
    try:
        print(json.dumps(tasks[sys.argv[1]](*pickle.load(sys.stdin.buffer))))
    except Problem as problem:
        sys.exit(str(problem))
