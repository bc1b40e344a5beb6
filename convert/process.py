"""Run a task in the worker process; return its result or raise one clear error."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from typing import IO, Any

from convert.extras import require
from convert.request import Progress
from edge.errors import FerEdgeError, RefusedFile, UsageError

#: The stage that reads the file: a crash in it or before it means that the file is damaged.
LOADING = "loading"


class WorkerError(FerEdgeError):
    """An error that the worker reported, with its exit code."""

    def __init__(self, message: str, code: int, findings: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.findings = findings or {}


def run(request: dict[str, Any], progress: Progress, verbose: bool = False) -> dict[str, Any]:
    """Run `request` in the worker process and return its answer.

    The worker's own output is hidden unless `verbose`; the worker ends with this call. Raises
    `FerEdgeError` if the worker reports an error or dies, `UsageError` without its libraries.
    """
    for module in _required(request["task"]):
        require(module, "convert", "reading Keras models")
    # Named, not imported: this process stays without TensorFlow.
    command = [sys.executable, "-m", "convert.pipeline.worker"]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryDirectory() as folder:
        worker = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if verbose else output,
            text=True,
            encoding="utf-8",
            # TensorFlow leaves a file there for every function it translates.
            env={
                **os.environ,
                "PYTHONWARNINGS": "default" if verbose else "ignore",
                "TMPDIR": folder,
            },
        )
        try:
            return _exchange(worker, request, progress, output)
        finally:
            worker.kill()
            worker.wait()


def _required(task: str) -> tuple[str, ...]:
    """Return the libraries of a task: only training runs on other backends of Keras."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if task not in ("train", "answer") or backend == "tensorflow":
        return ("tensorflow", "tf_keras")
    if find_spec(backend) is None:
        raise UsageError(f"KERAS_BACKEND={backend}: {backend} is not installed")
    return ("keras",)


def _exchange(
    worker: subprocess.Popen[str], request: dict[str, Any], progress: Progress, output: IO[bytes]
) -> dict[str, Any]:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(json.dumps(request))
    worker.stdin.close()
    stage = LOADING
    for line in worker.stdout:
        message = json.loads(line)
        if "stage" in message:
            stage = message["stage"]
            progress(stage, message["done"], message["total"])
        elif "error" in message:
            raise WorkerError(message["error"], message["code"], message.get("findings"))
        else:
            result: dict[str, Any] = message["result"]
            return result
    raise death(worker.wait(), stage, output, request["source"])


def death(code: int, stage: str, output: IO[bytes], source: str) -> FerEdgeError:
    """Return an error that explains why the worker ended without an answer."""
    if code == -signal.SIGXCPU:  # the worker limits its own CPU time while it reads
        return RefusedFile(f"{source}: the file is damaged: reading it never ends")
    if code == -signal.SIGKILL:
        return FerEdgeError(f"{stage}: the process was killed, most likely out of memory")
    if code < 0:
        crash = signal.Signals(-code).name
        if stage == LOADING:
            return RefusedFile(f"{source}: the file is damaged: reading it crashed with {crash}")
        return FerEdgeError(f"{stage}: TensorFlow crashed with {crash}; -v shows its output")
    output.seek(0)
    lines = output.read().decode("utf-8", "replace").strip().splitlines()
    return FerEdgeError(f"{stage}: {lines[-1] if lines else f'exit code {code}'} (-v shows all)")
