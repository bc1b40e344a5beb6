"""What `min_confidence` costs, and when a reading is undecided: two tables of docs/training.md.

    python -m tests.benchmarks.confidence_table --data fer2013.npz [MODEL.tflite]

Scores FER2013's public test split as it is and as a cheap camera sees it (the four conditions of
`fer-evaluate --robustness`), and prints for each least confidence the share of neutral and of happy
faces whose reading counts as negative, and of truly negative faces whose reading does. Then, by how
far apart the two likeliest expressions are, how often either is right, and how many faces that is.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from convert.faces.degrade import CAMERA
from convert.scoring import predictions
from convert.scoring.predictions import EvaluationData
from convert.scoring.readings import as_readings
from edge.config.paths import model_path
from edge.records import FloatArray

LEAST = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
KINDS = {"neutral": "neutral_negative", "happy": "happy_negative"}
HEAD = (
    "| `min_confidence` | neutral: clean, each of four | happy: clean, each of four"
    " | negative: clean, mean of four |\n|---:|---|---|---|"
)
#: Between the probabilities of the two likeliest expressions.
MARGINS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 1.0)
MARGINS_HEAD = (
    "| the two are apart by | faces: clean, mean of four | the first is right | the second is"
    " right |\n|---|---:|---:|---:|"
)


def rows(
    answers: Mapping[str, FloatArray], truth: Sequence[str], labels: tuple[str, ...]
) -> Iterator[str]:
    """Yield the table in Markdown; `answers` are `(N, classes)` by condition, "" for clean."""
    yield HEAD
    for least in LEAST:
        found = [as_readings(answers[name], truth, labels, least) for name in ("", *CAMERA)]
        clean, *four = found
        cells = [", ".join(_percent(of[key]) for of in found) for key in KINDS.values()]
        kept = [of["negative_kept"] or 0.0 for of in four]
        cells.append(f"{_percent(clean['negative_kept'])}, {_percent(sum(kept) / len(kept))}")
        yield f"| {least:g} | " + " | ".join(cells) + " |"


def margins(
    answers: Mapping[str, FloatArray], truth: Sequence[str], labels: tuple[str, ...]
) -> Iterator[str]:
    """Yield the table on margins in Markdown; see `rows`."""
    yield MARGINS_HEAD
    true = np.array([labels.index(name) for name in truth])
    for low, high in pairwise(MARGINS):
        shares = []
        for name in ("", *CAMERA):
            order, ranked = np.argsort(answers[name], axis=1), np.sort(answers[name], axis=1)
            apart = ranked[:, -1] - ranked[:, -2]
            chosen = (apart >= low) & ((apart < high) | (high == MARGINS[-1]))
            hits = [float((order[chosen, -rank] == true[chosen]).mean()) for rank in (1, 2)]
            shares.append((float(chosen.mean()), *hits))
        pairs = zip(shares[0], np.mean(shares[1:], axis=0), strict=True)
        cells = [f"{_percent(clean)}, {_percent(four)}" for clean, four in pairs]
        yield f"| {low:g} to {high:g} | " + " | ".join(cells) + " |"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("model", nargs="?", type=Path, default=model_path("default"))
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    data = EvaluationData(options.data, "public", robustness=True)
    _, found = predictions.tflite(options.model, data, lambda *_: None)
    faces = data.faces.of_classes(found.labels, options.data)
    print(*rows(found.rows, faces.truth, found.labels), "", sep="\n")
    print(*margins(found.rows, faces.truth, found.labels), sep="\n")


if __name__ == "__main__":
    main()
