"""What a user asks of the converter, in a form that crosses from one process to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

#: Called with the name of a stage, how much of it is done, and of how much.
Progress: TypeAlias = Callable[[str, int, int], None]

MIN_AGREEMENT = 0.95


@dataclass(frozen=True)
class Request:
    """The options of `fer-convert`, as text. None where the user did not say.

    `out` is where the worker puts the model; the parent moves it to where the user wants it.
    """

    source: str
    out: str
    weights: str | None = None
    labels: str | None = None
    input_range: str | None = None
    input_size: str | None = None
    calibrate: str | None = None
    evaluate: str | None = None
    report: str | None = None
    min_agreement: float = MIN_AGREEMENT
