"""Who may import whom: the contracts of pyproject.toml hold, and each bites when it is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

CONTRACTS: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
    "importlinter"
]["contracts"]
LAYERS = {each["id"]: each for each in CONTRACTS if each["type"] == "layers"}
#: For each contract that forbids an import a module, and the import in it that must be refused.
FORBIDDEN = [
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
    ("report", "edge/bench/__init__.py", "import edge.report.figures"),
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
    with appended(copy / module, line):
        done = lint(copy, "--contract", contract)
    assert done.returncode == 1, done.stdout + done.stderr
    importer = module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    assert f"{importer} -> {line.split()[1].partition('.')[0]}" in done.stdout


@contextmanager
def appended(path: Path, line: str) -> Iterator[None]:
    before = path.read_text()
    path.write_text(f"{before}\n{line}\n")
    try:
        yield
    finally:
        path.write_text(before)


@pytest.mark.parametrize(
    ("module", "line", "package"),
    [
        ("edge/camera/luma.py", "import edge.camera.opencv", "edge.camera"),
        ("edge/records.py", "import edge.config.schema", "edge"),
        ("convert/labels.py", "import convert.faces.reader", "convert"),
    ],
)
def test_a_circle_is_noticed(copy: Path, module: str, line: str, package: str) -> None:
    with appended(copy / module, line):
        done = lint(copy, "--contract", "circles")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"No cycles are allowed in {package}." in done.stdout


@pytest.mark.parametrize("contract", LAYERS)
def test_no_room_imports_one_above_or_beside_it(copy: Path, contract: str) -> None:
    """Each of them at once, and each must be named."""
    (package,) = LAYERS[contract]["containers"]
    floors = [line.split(" | ") for line in LAYERS[contract]["layers"]]  # " : " may import
    refused = [
        (low, high)
        for above, below in combinations(floors, 2)
        for high in rooms(above)
        for low in rooms(below)
    ]
    refused += [pair for floor in floors for pair in permutations(floor, 2)]
    with ExitStack() as changes:
        for low, high in refused:
            path = copy / package / low
            path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            changes.enter_context(appended(path, f"import {package}.{high}"))
        done = lint(copy, "--contract", contract)
    said = " ".join(done.stdout.split())
    names = [(f"{package}.{low}", f"{package}.{high}") for low, high in refused]
    assert [
        f"{low} -> {high}"
        for low, high in names
        if f"{low} is not allowed to import {high}" not in said
    ] == []


def rooms(floor: list[str]) -> list[str]:
    """Return the names on a floor; those with a colon between them may import each other."""
    return [name for each in floor for name in each.split(" : ")]


@pytest.mark.parametrize(
    ("package", "contract"), [("edge", "layers"), ("convert", "convert-layers")]
)
def test_a_module_without_a_floor_is_noticed(copy: Path, package: str, contract: str) -> None:
    path = copy / package / "helpers.py"
    path.write_text("")
    try:
        done = lint(copy, "--contract", contract)
    finally:
        path.unlink()
    assert done.returncode == 1
    assert "helpers" in done.stdout


def test_each_contract_is_shown_to_bite() -> None:
    ids = [contract["id"] for contract in CONTRACTS]
    assert sorted(ids) == sorted({"circles", *LAYERS, *(contract for contract, _, _ in FORBIDDEN)})
