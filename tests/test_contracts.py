"""Who may import whom: the contracts of pyproject.toml hold, and each bites when it is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

#: For each contract a module, and the import in it that must be refused.
FORBIDDEN = [
    ("layers", "edge/config/__init__.py", "import edge.service.loop"),
    ("layers", "edge/diary/__init__.py", "import edge.camera.source"),
    ("layers", "edge/records.py", "import edge.config"),
    ("layers", "edge/service/__init__.py", "import edge.preview.run"),
    ("layers", "edge/service/__init__.py", "import edge.export.run"),
    ("convert", "edge/cli/__init__.py", "import convert.labels"),
    ("tensorflow", "edge/expressions/__init__.py", "import tensorflow"),
    ("tensorflow", "edge/bench/__init__.py", "import keras"),
    ("opencv", "edge/service/__init__.py", "import cv2"),
    ("paho", "edge/alerts/__init__.py", "import paho.mqtt.client"),
    ("apprise", "edge/service/__init__.py", "import apprise"),
    ("arrow", "edge/diary/__init__.py", "import pyarrow"),
    ("presentation", "edge/service/__init__.py", "import rich"),
    ("presentation", "edge/report/charts.py", "import vl_convert"),
    ("presentation", "edge/report/summary.py", "import rich"),
    ("report", "edge/service/__init__.py", "import edge.report.figures"),
    ("convert-layers", "convert/faces/__init__.py", "import convert.training.recipe"),
    ("convert-layers", "convert/inspection/__init__.py", "import convert.quantizing.ranges"),
    ("convert-layers", "convert/scoring/__init__.py", "import convert.training.pool"),
]


def lint(place: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """What import-linter says of the tree at `place`."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", *options],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages and their contracts, to be broken."""
    place = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", place)
    for package in ("edge", "convert"):
        ignored = shutil.ignore_patterns("__pycache__", "*.tflite", "*.npz")
        shutil.copytree(ROOT / package, place / package, ignore=ignored)
    return place


def test_the_contracts_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("contract", "module", "line"), FORBIDDEN)
def test_a_forbidden_import_is_noticed(copy: Path, contract: str, module: str, line: str) -> None:
    path = copy / module
    before = path.read_text()
    path.write_text(f"{before}\n{line}\n")
    try:
        done = lint(copy, "--contract", contract)
    finally:
        path.write_text(before)
    assert done.returncode == 1, done.stdout + done.stderr
    importer = module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    assert f"{importer} -> {line.split()[1].partition('.')[0]}" in done.stdout


def test_a_module_without_a_floor_is_noticed(copy: Path) -> None:
    path = copy / "edge" / "helpers.py"
    path.write_text("")
    try:
        done = lint(copy, "--contract", "layers")
    finally:
        path.unlink()
    assert done.returncode == 1
    assert "helpers" in done.stdout


def test_each_contract_is_shown_to_bite() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    ids = [contract["id"] for contract in contracts["contracts"]]
    assert ids == list(dict.fromkeys(contract for contract, _, _ in FORBIDDEN))
