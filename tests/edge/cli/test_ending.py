"""How commands end where somebody or something ends them: Ctrl-C, a closed pipe, no memory."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import FerEdgeError, memory_shortage
from tests.conftest import command, environment, wait_for
from tests.support.service import CLIP

BENCH = ("bench", "--config", os.devnull)


@pytest.mark.parametrize("stage", ["in processes of their own", "the loop, beside"])
def test_ctrl_c_ends_the_benchmark_and_its_child_without_a_traceback(
    tmp_path: Path, stage: str
) -> None:
    """As a terminal does it: to the whole group."""
    out = tmp_path / "out.txt"
    with out.open("wb") as file:
        process = subprocess.Popen(
            command(*BENCH),
            env=environment(tmp_path),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    wait_for(lambda: stage in out.read_text(), "the stage", timeout_s=60)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == 0
    wait_for(lambda: not members(process.pid), "its children to end")
    assert all(line.startswith("INFO: ") for line in out.read_text().splitlines())


def members(session: int) -> list[int]:
    """The processes of a session that live."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize(
    "arguments",
    [
        ("bench", "--frames", "3", "--config", os.devnull),
        ("check", "--config", os.devnull),
        ("--help",),
        ("run", "--help"),
    ],
    ids=" ".join,
)
def test_a_reader_that_goes_away_leaves_no_traceback(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    process = subprocess.Popen(
        command(*arguments),
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        said = process.stderr.read()
    process.wait(60)
    assert "Traceback" not in said
    assert "Broken pipe" not in said


@pytest.mark.parametrize("megabytes", [196, 200, 250, 300, 350])
@pytest.mark.parametrize(
    "arguments",
    [("run", "--source", CLIP), ("bench", "--frames", 5), ("check",), ("log",)],
    ids=["run", "bench", "check", "log"],
)
def test_too_little_memory_is_one_line(
    tmp_path: Path, arguments: tuple[object, ...], megabytes: int
) -> None:
    """Wherever it is that memory ends: a library that is loaded, a thread, an array."""
    limit = megabytes * 2**20
    done = subprocess.run(
        command(*arguments, "--config", os.devnull),
        env=environment(tmp_path),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode < 0 and sys.version_info >= (3, 12):
        return  # numpy 2 and its like may crash where memory ends: no line of ours can follow
    # A thread beside may warn of the same, before the end.
    beside = ("INFO: ", "WARNING: ")
    said = [line for line in done.stderr.splitlines() if not line.startswith(beside)]
    assert "Traceback" not in done.stderr
    assert len(said) <= 1
    if arguments[0] == "run" and megabytes < 350:
        assert done.returncode == 1
        assert said == ["fer-edge: not enough memory: free some, or raise the limit"]


@pytest.mark.parametrize(
    ("error", "is_shortage"),
    [
        (SystemError("error return without exception set"), True),
        (SystemError("<built-in function open> returned NULL without setting an exception"), True),
        (SystemError("bad argument to internal function"), False),
        (ImportError("libcv.so: failed to map segment from shared object"), True),
        (ImportError("No module named 'cv3'"), False),
    ],
    ids=str,
)
def test_an_error_is_a_shortage_of_memory_only_if_it_says_so(
    error: Exception, is_shortage: bool
) -> None:
    """CPython raises the first where an allocation fails inside it, seen at 200 MB on 3.13."""
    with pytest.raises(FerEdgeError if is_shortage else type(error)), memory_shortage():
        raise error
