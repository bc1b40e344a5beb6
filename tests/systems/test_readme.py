"""A newcomer's way, word for word: the README's commands in a machine that had nothing of ours."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT
from tests.systems.conftest import RELEASES, Figure, root_or_skip
from tests.systems.machine import CHECKOUT, Machine
from tests.systems.pi import NOT_READY, Pi, waited
from tests.systems.stream import Stream

#: What Raspberry Pi OS has and a bare Debian has not.
PI_OS = "apt-get -qq update && apt-get -qq -y install --no-install-recommends sudo"


@pytest.fixture(params=RELEASES)
def newcomer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pi]:
    """A booted container of each release with a checkout in /root."""
    base = root_or_skip(request.param)
    container = Machine(base, tmp_path_factory.mktemp(f"new-{request.param}"))
    try:
        container.boot()
        container.run(PI_OS)
        container.run(f"cp -r {CHECKOUT} /root/checkout")
        yield Pi(container, request.param)
    finally:
        container.close()


def blocks() -> list[list[str]]:
    """The commands of each code block under "Use it", without what is said of them."""
    text = (ROOT / "README.md").read_text()
    section = re.search(r"^## Use it\n(.*?)^## ", text, re.M | re.S)
    assert section
    found = re.findall(r"^```sh\n(.*?)^```", section[1], re.M | re.S)
    return [[re.sub(r"\s+#.*", "", line) for line in block.splitlines()] for block in found]


def test_the_commands_work_as_written(newcomer: Pi, camera: Stream, figure: Figure) -> None:
    """The installer on the one release, the package on the other: each command once."""
    by_installer, by_package = blocks()
    began_s = time.monotonic()
    if newcomer.release == RELEASES[0]:
        said = [run(newcomer, command, camera) for command in by_installer]
        assert re.search(r"^watching: http://.* frames/s\nfaces: +\d", said[3], re.M)
        waited(newcomer.rows, "a row")
        assert newcomer.show("UnitFileState") == "enabled"
    else:
        for command in by_package:
            run(newcomer, command, camera)
        assert newcomer.show("UnitFileState") == "enabled"
        assert newcomer.show("ActiveState") == "activating", "there is no camera"
    figure(f"{time.monotonic() - began_s:.0f} s")


def run(newcomer: Pi, command: str, camera: Stream) -> str:
    """What a command says; the editor's part is done for it. There is no camera to be found."""
    if "nano" in command:
        change = f's|^source = .*|source = "{camera.url}"|'
        command = command.replace("nano", f"sed -i '{change}'")
    done = newcomer.machine.run(f"cd /root/checkout && {command} 2>&1", check=False)
    assert done.returncode == (NOT_READY if "install.sh" in command else 0), done.stdout
    return done.stdout
