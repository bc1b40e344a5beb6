"""What a machine can hold of the house: lint, types, the one-way import, the shape of the code."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

EDGE = sorted((ROOT / "edge").rglob("*.py"))


@pytest.mark.parametrize(
    "arguments",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]],
    ids=["ruff-check", "ruff-format", "mypy-strict"],
)
def test_the_code_satisfies(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def imported(path: Path) -> set[str]:
    """The top-level packages that a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("path", EDGE, ids=lambda path: path.name)
def test_edge_imports_neither_convert_nor_tensorflow(path: Path) -> None:
    assert not imported(path) & {"convert", "tensorflow", "keras", "tf_keras"}


def test_no_module_catches_everything() -> None:
    for path in [*EDGE, *sorted((ROOT / "convert").rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "everything"
                assert caught not in {"everything", "Exception", "BaseException"}, (
                    f"{path.name}:{node.lineno}"
                )


def test_the_loop_fits_on_a_screen() -> None:
    tree = ast.parse((ROOT / "edge" / "daemon.py").read_text())
    (loop,) = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "run"]
    first = loop.body[1]
    assert loop.end_lineno is not None
    assert loop.end_lineno - first.lineno + 1 <= 20
    assert not any(isinstance(node, ast.Try) for node in ast.walk(loop))
