"""The process that has TensorFlow: a request on stdin, lines of JSON on stdout.

TensorFlow writes to the terminal from C++, takes seconds to import, and can crash the process on a
damaged file; so it has a process of its own, and the one that talks to the user stays small.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from convert.process import LOADING
from edge.errors import FerEdgeError

#: CPU time allowed for loading a file, plus a second per this many bytes: on a damaged one the
#: libraries can loop forever. Wall time would depend on how busy the machine is.
LOADING_CPU_S, BYTES_PER_S = 45, 5e6
#: Minimum interval between progress messages.
PROGRESS_INTERVAL_S = 0.1


def main() -> int:
    """Perform the request on stdin; print its result or error last."""
    # Libraries may print to stdout: give them stderr instead.
    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    request = json.loads(sys.stdin.read())
    try:
        answer = _perform(request, protocol)
    except FerEdgeError as error:
        findings = getattr(error, "findings", {})
        send(protocol, {"error": str(error), "code": error.code, "findings": findings})
        return error.code
    send(protocol, {"result": answer})
    return 0


def _perform(request: dict[str, Any], protocol: TextIO) -> dict[str, Any]:
    # Training may use another backend or a GPU if the environment asks for it.
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    last_stage, last_s = "", 0.0

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal last_stage, last_s
        now = time.monotonic()
        if last_stage == LOADING != stage:
            limit_cpu(None)
        if stage != last_stage or done == total or now - last_s >= PROGRESS_INTERVAL_S:
            last_stage, last_s = stage, now
            send(protocol, {"stage": stage, "done": done, "total": total})

    # Imported late: these import TensorFlow, and the environment must be set before.
    task = request.pop("task")
    if task == "train":
        os.environ.update(safe_gradients(request["recipe"]["network"]))
        from convert.training.train import train  # noqa: PLC0415

        return train(request, progress)
    if task == "answer":
        from convert.training.train import answer  # noqa: PLC0415

        return answer(request, progress)
    os.environ.update(KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="-1")
    from convert.pipeline import convert  # noqa: PLC0415
    from convert.request import Request  # noqa: PLC0415
    from convert.scoring import predictions  # noqa: PLC0415

    if task == "evaluate":
        return predictions.in_worker(request, progress)
    limit_cpu(_loading_limit_s(Path(request["source"])))
    return convert.convert(Request(**request), progress)


def safe_gradients(network: str) -> dict[str, str]:
    """Return the environment in which TensorFlow 2.21 can train `network`.

    With AVX-512, oneDNN's filter gradient of a 1x1 convolution of stride 2 writes out of bounds
    ("malloc(): corrupted top size", or a segmentation fault); without AVX-512 it does not.
    """
    strided = ("mini-xception", "resnet50")
    return {"ONEDNN_MAX_CPU_ISA": "AVX2"} if network in strided else {}


def _loading_limit_s(source: Path) -> int:
    """Return the CPU time that loading `source` may take."""
    size = source.stat().st_size if source.is_file() else 0
    return LOADING_CPU_S + int(size / BYTES_PER_S)


def limit_cpu(total_s: int | None) -> None:
    """Let the kernel end this process after `total_s` of CPU time; None for no limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (hard if total_s is None else total_s, hard))


def send(protocol: TextIO, message: dict[str, Any]) -> None:
    """Write one message and flush."""
    protocol.write(json.dumps(message) + "\n")
    protocol.flush()


if __name__ == "__main__":
    raise SystemExit(main())
