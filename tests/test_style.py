"""What a machine can hold of the house: lint, types, the shape of the code, and of the tests."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

FUNCTION_LINES, MODULE_LINES, LOOP_LINES = 45, 200, 20
SOURCES = [
    path for package in ("edge", "convert") for path in sorted((ROOT / package).rglob("*.py"))
]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
WRITTEN = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "config.toml")),
    *(path for name in ("docs", "systemd") for path in sorted((ROOT / name).rglob("*"))),
    *SOURCES,
    *TESTS,
]
#: Turns of phrase that read as translated; say "again", "logged once", "is not a file".
ODD = re.compile(
    r"\banew\b|\b[Ss]aid once\b|\b(at|for|after|of|in) so (many|often|long)\b|\b[Aa]n URL\b"
    r"|(?<!there )\bis no (alert|card|command|diary|device|directory|error|file|folder|guess|JSON"
    r"|model|number|picture|row|span|topic|URL)\b|\bknown are:|\bgiven up (after|on)\b"
)


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


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text()))


def at(path: Path, node: ast.stmt | ast.ExceptHandler) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno}"


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{at(path, node)} {node.name}: {lines} lines"
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


def test_no_module_is_longer_than_ten_minutes_of_reading() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in SOURCES}
    long = [f"{path.relative_to(ROOT)}: {n} lines" for path, n in lines.items() if n > MODULE_LINES]
    assert not long, "\n".join(long)


def test_no_module_catches_everything() -> None:
    everything = {"Exception", "BaseException", "builtins.Exception", "builtins.BaseException"}
    caught = [
        at(path, node)
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or everything & set(names(node.type)))
    ]
    suppressed = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("suppress")
        and any(everything & set(names(argument)) for argument in node.args)
    ]
    assert not caught + suppressed


def names(expression: ast.expr) -> list[str]:
    """The exceptions that `except (A, b.C)` names."""
    parts = expression.elts if isinstance(expression, ast.Tuple) else [expression]
    return [ast.unparse(part) for part in parts]


def test_the_loop_fits_on_a_screen() -> None:
    tree = ast.parse((ROOT / "edge" / "service" / "loop.py").read_text())
    (loop,) = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "run"]
    first = loop.body[1]
    assert loop.end_lineno is not None
    assert loop.end_lineno - first.lineno + 1 <= LOOP_LINES
    assert not any(isinstance(node, ast.Try) for node in ast.walk(loop))


def test_no_test_module_imports_another() -> None:
    """What two of them need is in tests/support, where it is found."""
    found = [
        f"{at(path, node)} {module}"
        for path in TESTS
        for node in nodes(path)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in imported(node)
        if any(part.startswith("test_") for part in module.split("."))
    ]
    assert not found, "\n".join(found)


def imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """All that an import statement may be importing: the modules, and the names from them."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names]


def test_the_english_is_plain() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in WRITTEN
        if path.suffix in {".md", ".toml", ".py", ".sh", ".service", ".timer", ".yaml"}
        if path != Path(__file__)
        for match in ODD.finditer(path.read_text())
    ]
    assert not found, "\n".join(found)


def test_tests_lie_where_what_they_test_lies() -> None:
    for package in ("edge", "convert"):
        rooms = {path.name for path in (ROOT / "tests" / package).iterdir() if path.is_dir()}
        rooms -= {"__pycache__"}
        here = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
        assert rooms <= here, f"tests/{package}: {rooms - here} is not a room of {package}"
