"""Runs the worker and turns its end, whatever it is, into a result or one clear error."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from typing import IO, Any

from convert.request import Progress
from edge.errors import Problem, RefusedFile

#: The stage before which, and in which, the file is read.
READING = "loading"


class WorkerProblem(Problem):
    """What the worker said, with the exit code that it gave it."""

    def __init__(self, message: str, code: int, findings: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.findings = findings or {}


def run(request: dict[str, Any], progress: Progress, verbose: bool = False) -> dict[str, Any]:
    """The worker's answer to `request`. Its chatter is kept back unless `verbose`.

    Raises `Problem` where the worker did or where it died. The worker ends with this call.
    """
    command = [sys.executable, "-m", "convert.worker"]
    with tempfile.TemporaryFile() as chatter:
        worker = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if verbose else chatter,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONWARNINGS": "default" if verbose else "ignore"},
        )
        try:
            return _talk(worker, request, progress, chatter)
        finally:
            worker.kill()
            worker.wait()


def _talk(
    worker: subprocess.Popen[str], request: dict[str, Any], progress: Progress, chatter: IO[bytes]
) -> dict[str, Any]:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(json.dumps(request))
    worker.stdin.close()
    stage = READING
    for line in worker.stdout:
        message = json.loads(line)
        if "stage" in message:
            stage = message["stage"]
            progress(stage, message["done"], message["total"])
        elif "error" in message:
            raise WorkerProblem(message["error"], message["code"], message.get("findings"))
        else:
            result: dict[str, Any] = message["result"]
            return result
    raise death(worker.wait(), stage, chatter, request["source"])


def death(code: int, stage: str, chatter: IO[bytes], source: str) -> Problem:
    """Why the worker ended without an answer, as far as it is known."""
    if code == -signal.SIGXCPU:  # the worker limits itself while it reads
        return RefusedFile(f"{source}: the file is damaged: reading it does not end")
    if code == -signal.SIGKILL:
        return Problem(f"{stage}: the process was killed, most likely for want of memory")
    if code < 0:
        ended = signal.Signals(-code).name
        if stage == READING:
            return RefusedFile(f"{source}: the file is damaged: reading it ended in {ended}")
        return Problem(f"{stage}: TensorFlow ended with {ended}; -v shows its output")
    chatter.seek(0)
    lines = chatter.read().decode("utf-8", "replace").strip().splitlines()
    return Problem(f"{stage}: {lines[-1] if lines else f'ended with {code}'} (-v shows all)")
