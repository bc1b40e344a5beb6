"""Types of arguments that several commands take; for argparse."""

from __future__ import annotations

import argparse
from enum import Enum, auto


class ConfigUse(Enum):
    """How a command uses the configuration."""

    REQUIRED = auto()
    OPTIONAL = auto()
    """The defaults are used if the system's file may not be read."""
    UNUSED = auto()


def positive(text: str) -> int:
    """Return a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number, 1 or more")
    return int(text)


def natural(text: str) -> int:
    """Return a whole number from 0 on."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("must be a whole number")
    return int(text)


def source(text: str) -> str:
    """Return a camera or file, as `camera.source` takes it."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty; 'auto' takes the first camera")
    return text
