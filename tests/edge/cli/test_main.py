"""The command line as a whole: every command is there, and loads no other."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from edge.cli.arguments import ConfigUse
from edge.cli.main import COMMANDS, main
from tests.conftest import ROOT


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_what_main_takes_of_it(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = importlib.import_module(f"edge.cli.{name.replace('-', '_')}")
    assert isinstance(command.CONFIG_USE, ConfigUse)
    assert callable(command.execute)
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    assert f"usage: fer-edge {name}" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert command.HELP.split(":")[0][:30] in capsys.readouterr().out


def test_a_command_loads_no_other() -> None:
    script = (
        "import sys; from edge.cli.main import main\n"
        "try: main(['log', '--help'])\n"
        "except SystemExit: print(*(m for m in sys.modules if m.startswith('edge.cli.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "edge.cli.log" in loaded
    assert not loaded & {f"edge.cli.{name}" for name in COMMANDS if name != "log"}
