"""A process of its own, for per-process measurements: the service's memory, and its start.

`main` reads a pickled `(Config, frames)` from the parent process on standard input and answers with
one line of JSON. It imports as little as it can beside the service.
"""

from __future__ import annotations

import gc
import json
import pickle
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from edge.config.schema import Config
from edge.errors import FerEdgeError, memory_shortage
from edge.records import Reading
from edge.service.systemd import Notifier
from edge.service.watching import Conditions

#: Playing this many frames fills every window and cooldown before allocations are counted.
SETTLED_FRAMES, COUNTED_FRAMES = 5_000, 10_000


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
    import tracemalloc  # noqa: PLC0415 (the service has none)

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
    """Run the service until `each`, called with every frame's number, returns True."""
    from edge.service import loop, reload  # noqa: F401, PLC0415 (what the command imports)

    stop, count = threading.Event(), 0

    def listener(readings: Iterable[Reading]) -> None:
        nonlocal count
        count += 1
        if each(count, tuple(readings)):
            stop.set()

    loop.serve(config, Conditions(stop), Notifier(""), loops=loops, listener=listener)


def _memory_mb(kind: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(kind):
            return int(line.split()[1]) / 1024
    raise FerEdgeError(f"/proc/self/status: has no {kind}")


def main() -> None:
    """Do the task that the command line names."""
    tasks = {"start": _start, "memory": _memory, "allocations": _allocations}
    try:
        with memory_shortage():
            print(json.dumps(tasks[sys.argv[1]](*pickle.load(sys.stdin.buffer))))
    except FerEdgeError as problem:
        sys.exit(str(problem))
