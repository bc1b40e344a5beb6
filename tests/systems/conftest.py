"""Real systems: what they need of this machine, the installed service, the table of what ran."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Mosquitto
from tests.systems import machine
from tests.systems.pi import NOT_READY, Pi
from tests.systems.stream import Stream

RELEASES = ("bookworm", "trixie")
#: As long and as often as it should be once before a release, not in each run.
LONG = bool(os.environ.get("FER_EDGE_LONG"))
_FIGURES: list[tuple[str, str]] = []
Figure = Callable[[str], None]


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Figure:
    """Takes down what a test has measured, for the table at the end."""
    return lambda text: _FIGURES.append((request.node.name, text))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Every test of a real system, how it ended, and what it measured."""
    stats = terminalreporter.stats
    ended = {
        report.nodeid.partition("::")[2]: (kind, report.duration)
        for kind in ("passed", "failed", "skipped", "error")
        for report in stats.get(kind, [])
        if hasattr(report, "duration") and "tests/systems/" in report.nodeid
    }
    if not ended:
        return
    terminalreporter.section("real systems")
    for name, (kind, duration_s) in ended.items():
        measured = "; ".join(text for test, text in _FIGURES if test == name)
        terminalreporter.write_line(f"{kind:<8}{duration_s:6.1f} s  {name}: {measured}")


def root_or_skip(name: str) -> Path:
    """The root file system `name`, made where it is not there yet."""
    lacking = machine.lacking()
    if lacking:
        pytest.skip(lacking)
    path, trouble = machine.root(name)
    if path is None:
        pytest.skip(trouble)
    return path


@pytest.fixture(scope="session", params=RELEASES)
def pi(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pi]:
    """The service, installed by its installer in a booted container of each release."""
    base = root_or_skip(request.param)
    container = machine.Machine(base, tmp_path_factory.mktemp(request.param))
    try:
        container.boot()
        installed = Pi(container, request.param)
        installed.transcript = installed.install(NOT_READY)  # there is no camera
        yield installed
    finally:
        container.close()


@pytest.fixture(scope="session")
def stream() -> Iterator[Stream]:
    with Stream() as playing:
        yield playing


@pytest.fixture
def camera(stream: Stream) -> Iterator[Stream]:
    """A camera on the network that works, whatever the last test did to it."""
    stream.silent = stream.absent = False
    yield stream
    stream.silent = stream.absent = False


@pytest.fixture
def running(pi: Pi, camera: Stream, broker: Mosquitto) -> Iterator[Pi]:
    """The service, up and reading faces, with no past."""
    pi.fresh(camera.url, broker)
    pi.start()
    yield pi
    pi.machine.run("systemctl stop fer-edge", check=False)
