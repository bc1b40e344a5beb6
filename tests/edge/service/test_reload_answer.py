"""`fer-edge reload`, which systemctl runs: it fails, with the reason, where the service refuses."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from edge.errors import FerEdgeError
from edge.service import reload_answer
from edge.service.reload_answer import Answer
from tests.conftest import command, environment, wait_for
from tests.support.service import CLIP, Service, service

SLOW = ("--realtime", "--loop", 99)
LINES = f'device = "pi"\n[camera]\nsource = "{CLIP}"\n'


def reload(directory: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("reload"),
        env=environment(directory) | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "runtime"
    directory.mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(directory))
    return directory


def systemctl(running: Service, runtime: Path, lines: str) -> subprocess.CompletedProcess[str]:
    """As systemd runs ExecReload, with another configuration in place."""
    (running.directory / "config.toml").write_text(lines)
    return reload(
        running.directory, MAINPID=str(running.process.pid), RUNTIME_DIRECTORY=str(runtime)
    )


def test_it_succeeds_where_it_takes_over_and_fails_with_the_reason_where_not(
    runtime: Path, tmp_path: Path
) -> None:
    with service(tmp_path / "run", LINES, *SLOW, RUNTIME_DIRECTORY=str(runtime)) as running:
        wait_for((tmp_path / "run" / "log" / "expressions.csv").exists, "the diary")
        refused = systemctl(running, runtime, "[camera]\nfsp = 3\n")
        assert refused.returncode == 78
        (line,) = refused.stderr.splitlines()
        assert line.startswith("fer-edge: ")
        assert "camera.fsp: unknown key; did you mean 'fps'?" in line
        assert line.endswith("; the configuration stays as it was")
        answer = reload_answer.latest()
        assert answer is not None
        assert "camera.fsp" in answer.error, "it stays there for the status"

        taken = systemctl(running, runtime, LINES)
        assert (taken.returncode, taken.stderr) == (0, "")
        answer = reload_answer.latest()
        assert answer is not None
        assert (answer.error, answer.code) == ("", 0)

        absent = systemctl(running, runtime, '[camera]\nsource = "/dev/video77"\n')
        assert absent.returncode == 1
        assert "/dev/video77: no such camera" in absent.stderr
        assert running.stop()[0] == 0
    assert list(runtime.iterdir()) == [runtime / "reload.json"], "nothing half-written is left"


def test_an_answer_to_an_earlier_request_does_not_count(runtime: Path) -> None:
    reload_answer.write(Answer(time.monotonic() - 0.1, "too old", 78))
    ends = subprocess.Popen(["sleep", "0.5"])
    threading.Thread(target=ends.wait).start()  # as systemd does, so that it is gone
    with pytest.raises(FerEdgeError, match="the service has ended"):
        reload_answer.request(ends.pid)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"RUNTIME_DIRECTORY": "/tmp"}, "$MAINPID is not set; use: sudo systemctl reload"),
        ({"MAINPID": str(os.getpid())}, "$RUNTIME_DIRECTORY is not set; use: sudo systemctl"),
    ],
)
def test_outside_of_systemd_it_says_what_to_use(
    tmp_path: Path, environ: dict[str, str], said: str
) -> None:
    done = reload(tmp_path, **environ)
    assert done.returncode == 2
    assert done.stderr.startswith(f"fer-edge: {said}")


def test_a_service_that_has_ended_is_one_line(runtime: Path, tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    done = reload(tmp_path, MAINPID=str(ended.pid), RUNTIME_DIRECTORY=str(runtime))
    assert done.returncode == 1
    assert done.stderr.startswith("fer-edge: the service has ended; see: journalctl -u fer-edge")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"error": "x"}'])
def test_a_damaged_answer_is_none(runtime: Path, content: str) -> None:
    (runtime / "reload.json").write_text(content)
    assert reload_answer.latest() is None


def test_without_a_runtime_directory_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    reload_answer.write(Answer(0.0, "", 0))
    assert reload_answer.latest() is None
