"""Asks a network what it makes of faces that are nobody's, and what that tells of its classes.

A network trained on photographs leans towards the intended expression when it sees a synthetic
face, and face by face it leans as another such network does (see `convert.finding.reader`),
whatever the contrast of its input. So our reader tells what the columns of a stranger's
answers mean.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from convert.finding import reader
from convert.float_model import FloatModel, prepared
from convert.labels import CONTEMPT, fer_order
from convert.normalisation import Normalisation
from edge.records import ByteArray, FloatArray

SEED = 11
#: `clear_faces` or `varied_faces` of `convert.faces.synthetic_faces`.
Drawer: TypeAlias = Callable[[int, int], tuple[ByteArray, npt.NDArray[np.intp]]]
Names: TypeAlias = tuple[str, ...]
#: Faces by the longer side of the input: the work grows with its square.
COUNTS = ((64, 420), (128, 140))
FEWEST = 84
#: A probability below this says no more than that the class was not thought of.
LEAST = 1e-6
#: FER2013's classes and contempt.
MOST = 8


@dataclass(frozen=True)
class Leanings:
    """Log-probabilities of the same N faces: the network's `(N, classes)`, our reader's `(N, 7)`.

    `intended` is each face's index in FER2013's order.
    """

    answers: FloatArray
    intended: npt.NDArray[np.intp]
    read: FloatArray

    @functools.cached_property
    def table(self) -> FloatArray:
        """The means over the faces of each intended class: `(7, classes)`."""
        rows = range(len(fer_order()))
        return np.stack([self.answers[self.intended == row].mean(axis=0) for row in rows])

    def likelihood(self, names: Names) -> float:
        """The mean log-probability of the intended class if the columns are called `names`."""
        return float(np.mean([self.table[row, column] for row, column in cells(names)]))

    def likeliest(self) -> float:
        """The largest likelihood under any names, for `MOST` classes or fewer."""
        choices = (self.table[:, columns] for columns in _columns(self.table.shape[1]))
        return max(_assigned(table)[1] / table.shape[1] for table in choices)

    def likeness(self, names: Names) -> float:
        """How much the answers vary as our reader's do if the columns are called `names`: -1..1.

        The correlation of the two, of the classes that both know, after each face's mean and each
        class's mean were taken away: a network that favours one class is then no witness for an
        order that puts a common class there.
        """
        if not cells(names):
            return 0.0
        rows, columns = (list(indices) for indices in zip(*cells(names), strict=True))
        table = _alike(self.answers[:, columns], self.read[:, rows])
        return float(table.trace())

    def freely_named(self) -> tuple[Names, float]:
        """The names with the largest likeness of all, in any order, for `MOST` classes or fewer."""
        known, found = (*fer_order(), CONTEMPT), []
        for columns in _columns(self.answers.shape[1]):
            for rows in itertools.combinations(range(len(fer_order())), len(columns)):
                table = _alike(self.answers[:, columns], self.read[:, rows])
                order, likeness = _assigned(table.T)
                names = dict(zip(columns, (rows[index] for index in order), strict=True))
                found.append((likeness, [names.get(c, -1) for c in range(self.answers.shape[1])]))
        likeness, best = max(found)
        return tuple(known[row] for row in best), likeness


def cells(names: Names) -> list[tuple[int, int]]:
    """`(row, column)` of each of `names` that synthetic faces can show."""
    known = fer_order()
    return [(known.index(name), column) for column, name in enumerate(names) if name in known]


def candidates(classes: int) -> list[tuple[str, Names]]:
    """`(fer or alphabetical, names)` of each labelling of `classes` columns that people use.

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


def leanings(model: FloatModel, normalisation: Normalisation, draw: Drawer) -> Leanings:
    """What `model` makes of the faces of `draw` if its pixels are normalised so."""
    side = max(model.input_shape[1:3])
    count = next((count for limit, count in COUNTS if side <= limit), FEWEST)
    pictures, intended, read = _shown(draw, count)
    answers = model.probabilities(prepared(pictures, model.input_shape), normalisation)
    return Leanings(np.log(np.maximum(answers, LEAST)), intended, read)


@functools.cache
def _shown(draw: Drawer, count: int) -> tuple[ByteArray, npt.NDArray[np.intp], FloatArray]:
    """The faces, what was intended, and what our reader makes of them."""
    pictures, intended = draw(count, SEED)
    return pictures, intended, reader.readings(pictures)


def _columns(classes: int) -> Iterator[list[int]]:
    """The columns that faces can show: all, or of eight all but one, which is contempt's."""
    shown = min(classes, len(fer_order()))
    return (list(columns) for columns in itertools.combinations(range(classes), shown))


def _alike(answers: FloatArray, read: FloatArray) -> FloatArray:
    """The parts of a correlation, `(classes, classes)`, of two tables `(N, classes)`."""
    first, second = _centred(answers), _centred(read)
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return np.asarray(first.T @ second / (size or 1.0), np.float32)


def _centred(table: FloatArray) -> FloatArray:
    rows = table - table.mean(axis=1, keepdims=True)
    return np.asarray(rows - rows.mean(axis=0))


def _assigned(table: FloatArray) -> tuple[list[int], float]:
    """Which row to give each column for the largest sum of the cells, and that sum."""
    orders = _orders(*table.shape)
    sums = table[orders, np.arange(table.shape[1])].sum(axis=1)
    best = int(sums.argmax())
    return orders[best].tolist(), float(sums[best])


@functools.cache
def _orders(rows: int, columns: int) -> npt.NDArray[np.intp]:
    """`(orders, columns)`: every way to give the columns different rows."""
    return np.array(list(itertools.permutations(range(rows), columns)), np.intp)
