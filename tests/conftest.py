"""What tests share: the command line, a real broker, the data that no checkout carries."""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Started in the background of a shell we ignore Ctrl-C, and so would every process of ours.
signal.signal(signal.SIGINT, signal.default_int_handler)

Run = Callable[..., subprocess.CompletedProcess[str]]


class _NoTensorFlow(importlib.abc.MetaPathFinder):
    """Skips whatever imports TensorFlow, or what is only there with it."""

    def find_spec(self, name: str, _path: object, _target: object = None) -> None:
        if name in {"tensorflow", "keras", "tf_keras", "h5py", "flatbuffers"}:
            pytest.skip("needs TensorFlow", allow_module_level=True)


def pytest_configure(config: pytest.Config) -> None:
    """Without TensorFlow, and in the fast lane, tests that need it are skipped."""
    if config.option.markexpr == "not slow" or importlib.util.find_spec("tensorflow") is None:
        sys.meta_path.insert(0, _NoTensorFlow())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With `FER_EDGE_NO_SKIP` set, as in CI, a test that has to be skipped has failed."""
    report = yield
    if report.skipped and os.environ.get("FER_EDGE_NO_SKIP") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where everything must be there: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of data, models and videos of others, which are not ours to pass on."""
    folder = Path(os.environ.get("FER_EDGE_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder} (set FER_EDGE_SHARED)")
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], Path]:
    """Write a config.toml whose directories are the test's own, plus the lines given."""

    def write(lines: str = "") -> Path:
        path = tmp_path / "config.toml"
        path.write_text(lines)
        return path

    return write


@pytest.fixture
def fer_edge(tmp_path: Path) -> Run:
    """Run `fer-edge` as a process, its diary and state below `tmp_path`."""

    def run(*arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        words = list(arguments)
        if not any(str(word).startswith("--config") for word in words):
            words[1:1] = ["--config", os.devnull]  # not what is installed on this machine
        return subprocess.run(
            command(*words),
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


def command(*arguments: object) -> list[str]:
    """Return the command line of `fer-edge`."""
    return [sys.executable, "-m", "edge", *map(str, arguments)]


def environment(state: Path) -> dict[str, str]:
    """Return this process's environment with the diary and the state below `state`."""
    kept = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
    logs = {"LOGS_DIRECTORY": str(state / "log"), "STATE_DIRECTORY": str(state / "state")}
    return kept | logs | {"PYTHONPATH": str(ROOT)}


class Mosquitto:
    """A real broker on loopback that can be stopped, killed and started again."""

    def __init__(self, directory: Path, lines: str = "") -> None:
        self.directory = directory
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._config = directory / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nuser root\n"
            + (lines or "allow_anonymous true\n")
            + f"persistence_location {directory}/\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Mosquitto:
        """Start it; return when it accepts connections."""
        found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if found is None:
            pytest.skip("no mosquitto on this machine: apt install mosquitto mosquitto-clients")
        log = (self.directory / "mosquitto.log").open("ab")
        self._process = subprocess.Popen([found, "-c", str(self._config)], stdout=log, stderr=log)
        wait_for(self._accepts, "mosquitto to accept connections")
        return self

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None
        return self._process.pid

    def stop(self, *, kill: bool = False) -> None:
        """End it, by SIGTERM or by `kill -9`."""
        if self._process is not None:
            wait_for(lambda: self._ends(kill), "mosquitto to end")
            self._process = None

    def _ends(self, kill: bool) -> bool:
        """Send the signal, perhaps again: a broker that has only just started ignores SIGTERM."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        return self._process.returncode is not None

    def signal(self, number: int) -> None:
        """Send a signal: SIGHUP reads access rules again, SIGSTOP freezes it, SIGCONT wakes it."""
        assert self._process is not None
        self._process.send_signal(number)

    def log(self) -> str:
        """Return what it has logged so far."""
        return (self.directory / "mosquitto.log").read_text()

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def new_broker(tmp_path: Path) -> Iterator[Callable[[str], Mosquitto]]:
    """Make brokers, not yet started, from lines of mosquitto.conf; stop them at the end."""
    made: list[Mosquitto] = []

    def make(lines: str = "") -> Mosquitto:
        directory = tmp_path / f"broker-{len(made)}"
        directory.mkdir()
        made.append(Mosquitto(directory, lines))
        return made[-1]

    yield make
    for broker in made:
        broker.stop()


@pytest.fixture
def broker(new_broker: Callable[[str], Mosquitto]) -> Mosquitto:
    """A running broker that lets everybody in."""
    return new_broker("").start()


class Subscriber:
    """`mosquitto_sub` on everything below `fer-edge/`, writing to a file."""

    def __init__(self, broker: Mosquitto, *options: str, topic: str = "fer-edge/#") -> None:
        found = shutil.which("mosquitto_sub")
        if found is None:
            pytest.skip("no mosquitto_sub on this machine: apt install mosquitto-clients")
        self._path = broker.directory / f"subscriber-{time.monotonic_ns()}.txt"
        with self._path.open("wb") as out:
            self._process = subprocess.Popen(
                [found, "-p", str(broker.port), "-t", topic, "-q", "1", "-F", "%r %t %p", *options],
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def messages(self) -> list[tuple[str, str, str]]:
        """Return what came so far: (retained flag as 0 or 1, topic, payload)."""
        lines = self._path.read_text().splitlines()
        return [(r, t, p) for r, t, p in (line.split(" ", 2) for line in lines if " " in line)]

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:  # it sometimes misses the signal
            self._process.kill()
            self._process.wait()


def wait_for(true: Callable[[], object], what: str, timeout_s: float = 30) -> None:
    """Return as soon as `true()`; fail after `timeout_s`."""
    until = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > until:
            pytest.fail(f"waited {timeout_s:.0f} s in vain for {what}")
        time.sleep(0.02)
