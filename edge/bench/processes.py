"""What the service needs, measured in processes of their own: memory, and CPU time to start."""

from __future__ import annotations

import compileall
import json
import os
import pickle
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import edge
from edge.config.schema import Config
from edge.errors import FerEdgeError

#: How often the start is measured, alternating with the imports: it is short, and processes differ.
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


def memory_and_start(child: Sequence[str], config: Config, frames: int | None) -> dict[str, Any]:
    """Return what the service needs for the first `frames` of the file; None: all.

    `child` is the command that runs `edge.bench.child.main`.

    `rss_mb` at the last frame and `rss_peak_mb`; `startup_cpu_s` to the first reading, None where
    there is none; the same of bare `imports`, as `cpu_s` and `rss_mb`. CPU times are medians.
    """
    # As pip does where it installs: else a source tree may be compiled again at every start.
    compileall.compile_dir(Path(edge.__file__).parent, quiet=2)
    bare = [sys.executable, "-c", _IMPORTS, config.camera.source]
    starts, imports = [], []
    for _ in range(_STARTS):
        imports.append(_answer(bare, b""))
        starts.append(_ours(child, "start", config, frames)["startup_cpu_s"])
    return _ours(child, "memory", config, frames) | {
        "startup_cpu_s": None if None in starts else statistics.median(starts),
        "imports": {key: statistics.median(one[key] for one in imports) for key in imports[0]},
    }


def allocations(child: Sequence[str], config: Config) -> dict[str, Any]:
    """Return Python's growth of memory over `frames` frames, by tracemalloc.

    `growth_kb` has it.
    """
    return _ours(child, "allocations", config, None)


def _ours(child: Sequence[str], task: str, config: Config, frames: int | None) -> dict[str, Any]:
    return _answer([*child, task], pickle.dumps((config, frames)))


def _answer(command: list[str], request: bytes) -> dict[str, Any]:
    # As the command sets it: OpenBLAS's threads may cost as much as all imports together.
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OPENBLAS_NUM_THREADS": "1",
    }
    # A group of its own: Ctrl-C is for us, and on our way out it ends.
    done = subprocess.run(
        command,
        input=request,
        capture_output=True,
        env=environment,
        check=False,
        process_group=0,
    )
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode:
        ended = f"the measuring process {' '.join(command[1:3])} ended: {done.returncode}"
        one_line = said and "\n" not in said
        raise FerEdgeError(said if one_line else f"{ended}\n{said}".rstrip())
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
