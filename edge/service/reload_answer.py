"""How `fer-edge reload` learns the result: a small file that the service writes.

It lies in the runtime directory that systemd makes for the service, and stays there: the answer to
the latest request is part of the service's status.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

from edge.errors import FerEdgeError, UsageError

_NAME = "reload.json"
_POLL_S = 0.05
#: Longer than the governor's longest wait, and than a camera is silent before the run ends.
_TIMEOUT_S = 60.0


class Answer(NamedTuple):
    """`error` is "" where the configuration took over; `code` is the exit code of the command.

    `asked_s`: when the service began to handle the request, in seconds of the monotonic clock,
    which all processes share.
    """

    asked_s: float
    error: str
    code: int


def write(answer: Answer) -> None:
    """Keep `answer` for whoever waits; do nothing without systemd.

    Raises `OSError`.
    """
    path = _path()
    if path is None:
        return
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(answer._asdict()), encoding="utf-8")
    unfinished.replace(path)


def latest() -> Answer | None:
    """Return the answer to the latest request; None where there was none."""
    path = _path()
    try:
        return None if path is None else Answer(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def request(pid: int) -> None:
    """Ask the service with this process id to reload, and wait for its answer.

    Raises `FerEdgeError`, with the service's reason and exit code where it refuses.
    """
    if _path() is None:
        raise UsageError("$RUNTIME_DIRECTORY is not set; use: sudo systemctl reload fer-edge")
    from_s = time.monotonic()
    _signal(pid, signal.SIGHUP)
    while time.monotonic() < from_s + _TIMEOUT_S:
        answer = latest()
        # A reload that began after our signal read the configuration that we mean.
        if answer is not None and answer.asked_s >= from_s:
            if answer.error:
                raise Refused(answer)
            return
        time.sleep(_POLL_S)
        _signal(pid, 0)
    raise FerEdgeError(f"no answer within {_TIMEOUT_S:.0f} s; see: journalctl -u fer-edge")


class Refused(FerEdgeError):
    """The service keeps its old configuration."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.error}; the configuration stays as it was")
        self.code = answer.code


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError as error:
        raise FerEdgeError("the service has ended; see: journalctl -u fer-edge") from error
    except PermissionError as error:
        raise FerEdgeError("not allowed; use: sudo systemctl reload fer-edge") from error


def _path() -> Path | None:
    directory = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(directory) / _NAME if directory else None
