"""Which rows of a day are in its folder already."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edge.export.forms import Form, Key

#: The milliseconds of a day in UTC differ in their lower 28 bits (3.1 days); 35 bits hold any face.
_MS_MASK, _FACE_BITS = (1 << 28) - 1, 35
Numbers: TypeAlias = npt.NDArray[np.int64]


class Known:
    """The rows in `folder`: 8 bytes for each reading, so that the busiest day fits into memory.

    A reading is known by its time and face, an event by its time and text.
    """

    def __init__(self, folder: Path, form: Form) -> None:
        self._events: set[Key] = set()
        paths = sorted(folder.glob(f"[!.]*{form.suffix}"))
        keys = (key for path in paths for key in form.keys(path))
        self._readings: Numbers = np.frombuffer(array("q", self._numbers(keys)), np.int64).copy()
        self._readings.sort()

    def __bool__(self) -> bool:
        """Whether there is any row."""
        return bool(self._events or self._readings.size)

    def _numbers(self, keys: Iterable[Key]) -> Iterator[int]:
        for key in keys:
            if key.face is None:
                self._events.add(key)
            else:
                yield _number(key.time_ms, key.face)

    def are_new(self, keys: list[Key]) -> list[bool]:
        """Return for each row whether it is not in the folder."""
        numbers = np.array([_number(key.time_ms, key.face or 0) for key in keys], np.int64)
        there = self._has(numbers)
        return [
            key not in self._events if key.face is None else not known
            for key, known in zip(keys, there, strict=True)
        ]

    def _has(self, numbers: Numbers) -> list[bool]:
        if not self._readings.size:
            return [False] * len(numbers)
        at = np.searchsorted(self._readings, numbers).clip(max=self._readings.size - 1)
        found: list[bool] = (self._readings[at] == numbers).tolist()
        return found


def _number(time_ms: int, face: int) -> int:
    return (time_ms & _MS_MASK) << _FACE_BITS | face
