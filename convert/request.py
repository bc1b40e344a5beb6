"""The options of the converter, in a form that processes can exchange."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

#: Called with a stage's name, the steps done and the total number of steps.
Progress: TypeAlias = Callable[[str, int, int], None]

#: Default of the smallest acceptable share of faces with the same answer from int8 and float.
MIN_AGREEMENT = 0.95


@dataclass(frozen=True)
class Request:
    """The options of `fer-convert`, as text; None for those not given.

    `out` is where the worker writes the model; the parent process moves it to its final place.
    """

    source: str
    out: str
    weights: str | None = None
    labels: str | None = None
    input_range: str | None = None
    input_size: str | None = None
    output: str | None = None
    calibrate: str | None = None
    evaluate: str | None = None
    report: str | None = None
    min_agreement: float = MIN_AGREEMENT
