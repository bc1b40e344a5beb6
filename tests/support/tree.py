"""The tree in docs/architecture.md: every package and module with the first line of its docstring.

python -m tests.support.tree        brings the page up to date
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architecture.md"
_START, _END = "<!-- tree: python -m tests.support.tree -->\n", "<!-- end of the tree -->\n"
_COLUMN, _WIDTH = 28, 118


def tree(root: Path = ROOT) -> str:
    """The tree as Markdown."""
    lines = [line for package in ("edge", "convert") for line in _package(root / package, 0)]
    return "\n".join(["```text", *lines, "```", ""])


def stated(text: str) -> str:
    """The tree that `text`, the page, has now."""
    return text.partition(_START)[2].partition(_END)[0]


def updated(text: str, tree: str) -> str:
    """The page with `tree` in it."""
    before, start, rest = text.partition(_START)
    _, end, after = rest.partition(_END)
    return before + start + tree + end + after


def _package(folder: Path, depth: int) -> Iterator[str]:
    yield from _line(f"{folder.name}/", folder / "__init__.py", depth)
    paths = sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name))
    for path in paths:
        if path.is_dir() and (path / "__init__.py").exists():
            yield from _package(path, depth + 1)
        elif path.suffix == ".py" and path.name != "__init__.py":
            yield from _line(path.name, path, depth + 1)


def _line(name: str, module: Path, depth: int) -> list[str]:
    docstring = ast.get_docstring(ast.parse(module.read_text())) or ""
    start = f"{'  ' * depth}{name}".ljust(_COLUMN - 1) + " "
    about = docstring.partition("\n")[0].replace("`", "")
    return textwrap.wrap(about, _WIDTH, initial_indent=start, subsequent_indent=" " * _COLUMN) or [
        start.rstrip()
    ]


def main() -> None:
    """Writes the tree into the page."""
    PAGE.write_text(updated(PAGE.read_text(), tree()))


if __name__ == "__main__":
    main()
