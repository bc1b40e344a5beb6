"""Asks a network in which order its classes are, with faces that are nobody's.

A network trained on other pictures of faces still leans towards the intended expression when it
sees a clear synthetic face. `leanings` measures by how much, `order_of` compares the sums under
every known order of the classes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from convert.float_model import FloatModel, prepared
from convert.labels import CONTEMPT, fer_order
from convert.normalisation import Normalisation
from edge.records import ByteArray, FloatArray

SEED = 11
#: `clear_faces` or `varied_faces` of `convert.synthetic_faces`.
Drawer: TypeAlias = Callable[[int, int], tuple[ByteArray, npt.NDArray[np.intp]]]
#: Faces by the longer side of the input: the work grows with its square.
COUNTS = ((64, 420), (128, 140), (1024, 42))
#: A probability below this says no more than that the class was not thought of.
LEAST = 1e-6


@dataclass(frozen=True)
class Leanings:
    """Mean log-probability `(7, classes)`: rows FER2013's classes as intended, columns answers."""

    table: FloatArray

    def likelihood(self, names: tuple[str, ...]) -> float:
        """The mean log-probability of the intended class if the columns are called `names`."""
        return float(np.mean([self.table[row, column] for row, column in cells(names)]))

    def trace(self, names: tuple[str, ...]) -> float:
        """How much more the intended class is leant to than it is on average, in nats.

        The mean over classes is taken away first: a network that favours one class is then no
        witness for an order that puts a common class there.
        """
        rows = [row for row, _ in cells(names)]
        middle = self.table[rows].mean(axis=0)
        return float(np.mean([self.table[cell] - middle[cell[1]] for cell in cells(names)]))


def cells(names: tuple[str, ...]) -> list[tuple[int, int]]:
    """`(row, column)` of each of `names` that synthetic faces can show."""
    known = fer_order()
    return [(known.index(name), column) for column, name in enumerate(names) if name in known]


def candidates(classes: int) -> list[tuple[str, tuple[str, ...]]]:
    """`(fer or alphabetical, names)` of each labelling of `classes` columns that people use.

    Seven classes may also be those of CK+: contempt, but no neutral.
    """
    known = fer_order()
    sets: list[tuple[str, ...]] = []
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
    count = next(count for limit, count in COUNTS if side <= limit)
    pictures, intended = draw(count, SEED)
    answers = model.probabilities(prepared(pictures, model.input_shape), normalisation)
    logarithms = np.log(np.maximum(answers, LEAST))
    rows = [logarithms[intended == index].mean(axis=0) for index in range(len(fer_order()))]
    return Leanings(np.stack(rows))


def freely_named(found: Leanings, classes: int) -> tuple[tuple[str, ...], float]:
    """The labelling with the largest trace of all, in any order, for 7 classes or fewer."""
    known = fer_order()
    rows = found.table - found.table.mean(axis=0)
    orders = np.array(list(itertools.permutations(range(len(known)), classes)))
    traces = rows[orders, np.arange(classes)].mean(axis=1)
    best = int(traces.argmax())
    return tuple(known[row] for row in orders[best]), float(traces[best])
