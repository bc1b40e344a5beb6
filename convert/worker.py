"""The process that has TensorFlow. Reads a request from stdin, answers in lines of JSON on stdout.

TensorFlow writes to the terminal from C++, takes seconds to import, and can end the process on a
damaged file; so it lives in a process of its own, and the one that talks to the user stays small.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, TextIO

from edge.errors import Problem

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
    # Here, not above: these import TensorFlow, and the environment must be set before.
    os.environ.update(
        TF_CPP_MIN_LOG_LEVEL="3", KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="-1"
    )
    from convert import evaluate, pipeline  # noqa: PLC0415
    from convert.request import Request  # noqa: PLC0415

    last_stage, last_s = "", 0.0

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal last_stage, last_s
        now = time.monotonic()
        if stage != last_stage or done == total or now - last_s >= TELL_EVERY_S:
            last_stage, last_s = stage, now
            tell(protocol, {"stage": stage, "done": done, "total": total})

    task = request.pop("task")
    if task == "evaluate":
        return evaluate.float_answers(request, progress)
    return pipeline.convert(Request(**request), progress)


def tell(protocol: TextIO, message: dict[str, Any]) -> None:
    """One message, at once."""
    protocol.write(json.dumps(message) + "\n")
    protocol.flush()


if __name__ == "__main__":
    raise SystemExit(main())
