"""The process that has TensorFlow. Reads a request from stdin, answers in lines of JSON on stdout.

TensorFlow writes to the terminal from C++, takes seconds to import, and can end the process on a
damaged file; so it lives in a process of its own, and the one that talks to the user stays small.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from convert.process import READING
from edge.errors import Problem

#: Reading a file may take so many seconds of the processor, and one more for so many bytes: in a
#: damaged one the libraries can go in circles. Of seconds on the clock a busy machine takes many.
READING_CPU_S, BYTES_PER_S = 45, 5e6
#: Progress is told at most this often.
TELL_EVERY_S = 0.1


def main() -> int:
    """Do what stdin asks; the last line of stdout is the result or the error."""
    # Libraries print to stdout as they like: they get stderr instead.
    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    request = json.loads(sys.stdin.read())
    try:
        answer = _perform(request, protocol)
    except Problem as error:
        findings = getattr(error, "findings", {})
        tell(protocol, {"error": str(error), "code": error.code, "findings": findings})
        return error.code
    tell(protocol, {"result": answer})
    return 0


def _perform(request: dict[str, Any], protocol: TextIO) -> dict[str, Any]:
    # Where the environment asks for another backend or a GPU, training may have it.
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    last_stage, last_s = "", 0.0

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal last_stage, last_s
        now = time.monotonic()
        if last_stage == READING != stage:
            limit_s(None)
        if stage != last_stage or done == total or now - last_s >= TELL_EVERY_S:
            last_stage, last_s = stage, now
            tell(protocol, {"stage": stage, "done": done, "total": total})

    # Here, not above: these import TensorFlow, and the environment must be set before.
    task = request.pop("task")
    if task == "train":
        os.environ.update(sound_gradients(request["recipe"]["network"]))
        from convert.training.task import train  # noqa: PLC0415

        return train(request, progress)
    os.environ.update(KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="-1")
    from convert import pipeline  # noqa: PLC0415
    from convert.request import Request  # noqa: PLC0415
    from convert.scoring import answering  # noqa: PLC0415

    if task == "evaluate":
        return answering.in_worker(request, progress)
    limit_s(_reading_s(Path(request["source"])))
    return pipeline.convert(Request(**request), progress)


def sound_gradients(network: str) -> dict[str, str]:
    """The environment in which TensorFlow 2.21 can train `network`.

    With AVX-512, oneDNN's filter gradient of a 1x1 convolution of stride 2 writes past its memory
    ("malloc(): corrupted top size", or a segmentation fault); without AVX-512 it does not.
    """
    strided = ("mini-xception", "resnet50")
    return {"ONEDNN_MAX_CPU_ISA": "AVX2"} if network in strided else {}


def _reading_s(source: Path) -> int:
    """How much of the processor reading `source` may take."""
    size = source.stat().st_size if source.is_file() else 0
    return READING_CPU_S + int(size / BYTES_PER_S)


def limit_s(processor_s: int | None) -> None:
    """Let the kernel end this process after so much of the processor in all; None for never."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (most if processor_s is None else processor_s, most))


def tell(protocol: TextIO, message: dict[str, Any]) -> None:
    """One message, at once."""
    protocol.write(json.dumps(message) + "\n")
    protocol.flush()


if __name__ == "__main__":
    raise SystemExit(main())
