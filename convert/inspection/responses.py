"""A network's responses to synthetic faces, and what they say about its classes.

A network trained on photographs tends towards the intended expression when it sees a synthetic
face, and face by face its responses correlate with those of another such network (see
`convert.inspection.reference_model`), whatever the contrast of its input. So the reference model
shows what the columns of an unknown network's outputs mean.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from convert.inspection import reference_model
from convert.labels import CONTEMPT, fer_order
from convert.loading.float_model import FloatModel, prepared
from convert.normalisation import Normalisation
from edge.records import ByteArray, FloatArray

SEED = 11
#: `clear_faces` or `varied_faces` of `convert.faces.synthetic`.
Drawer: TypeAlias = Callable[[int, int], tuple[ByteArray, npt.NDArray[np.intp]]]
Names: TypeAlias = tuple[str, ...]
#: Number of faces by the longer side of the input: the work grows with its square.
COUNTS = ((64, 420), (128, 140))
MIN_COUNT = 84
#: Smaller probabilities are not informative.
MIN_PROBABILITY = 1e-6
#: FER2013's classes and contempt.
MAX_CLASSES = 8


@dataclass(frozen=True)
class Responses:
    """Log-probabilities for the same N faces.

    `answers` are the network's, `(N, classes)`, `reference` the reference model's, `(N, 7)`;
    `intended` is each face's index in FER2013's order.
    """

    answers: FloatArray
    intended: npt.NDArray[np.intp]
    reference: FloatArray

    @functools.cached_property
    def table(self) -> FloatArray:
        """Return the means over the faces of each intended class: `(7, classes)`."""
        rows = range(len(fer_order()))
        return np.stack([self.answers[self.intended == row].mean(axis=0) for row in rows])

    def likelihood(self, names: Names) -> float:
        """Return the intended class's mean log-probability under `names`."""
        return float(np.mean([self.table[row, column] for row, column in cells(names)]))

    def likeliest(self) -> float:
        """Return the largest likelihood under any names, for up to `MAX_CLASSES` classes."""
        choices = (self.table[:, columns] for columns in _columns(self.table.shape[1]))
        return max(_assigned(table)[1] / table.shape[1] for table in choices)

    def correlation(self, names: Names) -> float:
        """Return the correlation with the reference model under `names`: -1..1.

        It is taken over the classes that both know, after subtracting each face's mean and each
        class's mean: otherwise a network that favours one class would support any order that puts a
        common class there.
        """
        if not cells(names):
            return 0.0
        rows, columns = (list(indices) for indices in zip(*cells(names), strict=True))
        table = _correlations(self.answers[:, columns], self.reference[:, rows])
        return float(table.trace())

    def best_names(self) -> tuple[Names, float]:
        """Return the names with the largest correlation, and that correlation.

        For up to `MAX_CLASSES` classes.
        """
        known, found = (*fer_order(), CONTEMPT), []
        for columns in _columns(self.answers.shape[1]):
            for rows in itertools.combinations(range(len(fer_order())), len(columns)):
                table = _correlations(self.answers[:, columns], self.reference[:, rows])
                order, total = _assigned(table.T)
                names = dict(zip(columns, (rows[index] for index in order), strict=True))
                found.append((total, [names.get(c, -1) for c in range(self.answers.shape[1])]))
        total, best = max(found)
        return tuple(known[row] for row in best), total


def cells(names: Names) -> list[tuple[int, int]]:
    """Return `(row, column)` for each of `names` that synthetic faces can show."""
    known = fer_order()
    return [(known.index(name), column) for column, name in enumerate(names) if name in known]


def candidates(classes: int) -> list[tuple[str, Names]]:
    """Return `(fer or alphabetical, names)` for each labelling in common use.

    Seven classes may also be those of CK+: contempt, but no neutral.
    """
    known = fer_order()
    sets: list[Names] = []
    if classes <= len(known):
        sets += itertools.combinations(known, classes)
    if classes == len(known) + 1:
        sets.append((*known, CONTEMPT))
    found = [("fer", names) for names in sets if names != tuple(sorted(names))]
    if classes == len(known):
        sets.append((*(name for name in known if name != "neutral"), CONTEMPT))
    found += [("alphabetical", tuple(sorted(names))) for names in sets]
    return found


def responses(model: FloatModel, normalisation: Normalisation, draw: Drawer) -> Responses:
    """Return the responses of `model` to normalised faces from `draw`."""
    side = max(model.input_shape[1:3])
    count = next((count for limit, count in COUNTS if side <= limit), MIN_COUNT)
    pictures, intended, reference = _stimuli(draw, count)
    answers = model.probabilities(prepared(pictures, model.input_shape), normalisation)
    return Responses(np.log(np.maximum(answers, MIN_PROBABILITY)), intended, reference)


@functools.cache
def _stimuli(draw: Drawer, count: int) -> tuple[ByteArray, npt.NDArray[np.intp], FloatArray]:
    """Return the faces, intended classes, and the reference model's readings."""
    pictures, intended = draw(count, SEED)
    return pictures, intended, reference_model.readings(pictures)


def _columns(classes: int) -> Iterator[list[int]]:
    """Yield the columns that faces can show.

    These are all, or of eight all but one, which is contempt's.
    """
    count = min(classes, len(fer_order()))
    return (list(columns) for columns in itertools.combinations(range(classes), count))


def _correlations(answers: FloatArray, reference: FloatArray) -> FloatArray:
    """Return the terms of a correlation of two tables `(N, classes)`."""
    first, second = _centred(answers), _centred(reference)
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return np.asarray(first.T @ second / (size or 1.0), np.float32)


def _centred(table: FloatArray) -> FloatArray:
    rows = table - table.mean(axis=1, keepdims=True)
    return np.asarray(rows - rows.mean(axis=0))


def _assigned(table: FloatArray) -> tuple[list[int], float]:
    """Return the assignment of rows to columns with the largest sum, and that sum."""
    orders = _orders(*table.shape)
    sums = table[orders, np.arange(table.shape[1])].sum(axis=1)
    best = int(sums.argmax())
    return orders[best].tolist(), float(sums[best])


@functools.cache
def _orders(rows: int, columns: int) -> npt.NDArray[np.intp]:
    """Return `(orders, columns)`: every way to assign different rows to the columns."""
    return np.array(list(itertools.permutations(range(rows), columns)), np.intp)
