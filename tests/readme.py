"""Prints one of the README's commands: `python tests/readme.py "Try it"`."""

from __future__ import annotations

import re
import sys
from pathlib import Path


def command(title: str) -> str:
    """The one line in the first code block under the heading `title`."""
    text = (Path(__file__).resolve().parent.parent / "README.md").read_text()
    found = re.search(rf"^## {re.escape(title)}\n.*?^```sh\n(.*?)\n```", text, re.M | re.S)
    if not found or "\n" in found[1]:
        raise SystemExit(f"README.md: no one-line command under '{title}'")
    return found[1]


if __name__ == "__main__":
    print(command(sys.argv[1]))
