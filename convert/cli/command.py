"""Shared by the commands: exit codes, and types of their options."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

from convert.cli.progress import Bars
from edge.errors import FerEdgeError

#: Ends the help of every command.
PLACE = """\
.npz of faces: x (N, h, w) uint8, y (N,) class numbers, classes (their names)
belongs on a PC, not on the Pi; in a checkout: pip install '.[convert]'
"""


def run(name: str, work: Callable[[], int], bars: Bars, *, as_json: bool) -> int:
    """Run `work` and return its exit code; report errors in one line.

    With `as_json`, errors are also printed as JSON.
    """
    try:
        return work()
    except FerEdgeError as error:
        bars.close()
        if as_json:
            print(json.dumps({"error": str(error), **getattr(error, "findings", {})}))
        print(f"{name}: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        bars.close()
        return 130


def joined(words: list[str]) -> list[str]:
    """Join `--input-range -1..1` into one word.

    Otherwise argparse would take the value for an option.
    """
    whole: list[str] = []
    for word in words:
        if whole and whole[-1] == "--input-range":
            whole[-1] += f"={word}"
        else:
            whole.append(word)
    return whole


def positive_integer(text: str) -> int:
    """Parse a whole number of 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be 1 or more")
    return value


def whole_number(text: str) -> int:
    """Parse a whole number of 0 or more."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text}: must be 0 or more")
    return value


def seed(text: str) -> int:
    """Parse a seed of the random number generators."""
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"{text}: must be 0 to {2**32 - 1}")
    return value


def momentum(text: str) -> float:
    """Parse a number from 0 to below 1."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be at least 0 and below 1")
    return value


def positive(text: str) -> float:
    """Parse a number above 0."""
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text}: must be above 0")
    return value


def share(text: str) -> float:
    """Parse a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: must be 0 to 1")
    return value


def percentage(text: str) -> float:
    """Parse a share given as `0.95`, `95` or `95%`."""
    value = float(text.removesuffix("%"))
    fraction = value / 100 if text.endswith("%") or value > 1 else value
    if not 0 <= fraction <= 1:
        raise argparse.ArgumentTypeError(f"{text}: must be 0 to 100%")
    return fraction
