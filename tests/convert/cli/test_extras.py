"""Without the `convert` extra the commands name the fix, in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests.conftest import ROOT

FIX = "pip install '.[convert]'"


def run_without(module: str, command: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run `command` of `convert.cli` where `module` cannot be imported."""
    code = f"import sys; sys.modules[{module!r}] = None; from convert.cli.{command} import main; "
    return subprocess.run(
        [sys.executable, "-c", code + "sys.exit(main(sys.argv[1:]))", *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("module", ["tensorflow", "tf_keras"])
@pytest.mark.parametrize("command", ["convert", "evaluate", "train"])
def test_a_missing_extra_is_one_line(command: str, module: str, tmp_path: Path) -> None:
    if module == "tf_keras" and not any(metadata.distributions(name="tensorflow")):
        pytest.skip("needs TensorFlow: without it that is what is missing first")
    (tmp_path / "model.h5").write_bytes(b"anything")
    (tmp_path / "data.csv").write_text("emotion,pixels,Usage\n")
    model, data = tmp_path / "model.h5", tmp_path / "data.csv"
    words: dict[str, list[object]] = {
        "convert": [model],
        "evaluate": [model, "--data", data],
        "train": ["--data", data, "--out", tmp_path / "out.keras"],
    }
    done = run_without(module, command, *words[command], "--json")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"fer-{command}: ")
    assert module in line
    assert line.endswith(FIX)
    assert json.loads(done.stdout)["error"].endswith(FIX)
    assert {path.name for path in tmp_path.iterdir()} == {"model.h5", "data.csv"}
