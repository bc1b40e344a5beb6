"""Scores as pictures: confusion matrix, reliability diagram, ROC curves. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convert.scoring.metrics import (
    IndexArray,
    confusion,
    expected_calibration_error,
    reliability,
    roc_auc,
    roc_curve,
)
from edge.errors import UsageError
from edge.records import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DOTS_PER_INCH = 120


def check() -> None:
    """Raises `UsageError` where matplotlib is not installed."""
    try:
        import matplotlib.figure  # noqa: F401, PLC0415
    except ImportError as error:
        raise UsageError(
            "--pictures: needs matplotlib; install it with: pip install 'fer-edge[report]'"
        ) from error


def write(
    folder: Path, kind: str, answers: FloatArray, truth: IndexArray, labels: tuple[str, ...]
) -> list[Path]:
    """The PNGs `<kind>-confusion`, `-reliability` and `-roc` in `folder`, made where it is not.

    `answers` are probabilities `(N, classes)`, `truth` the indices `(N,)` of the true classes.
    Raises `UsageError` where they cannot be written, or without matplotlib.
    """
    check()
    from matplotlib.figure import Figure  # noqa: PLC0415

    side = max(6.0, 0.75 * len(labels) + 1.5)
    drawers: dict[str, tuple[float, Callable[..., None]]] = {
        "confusion": (side, _confusion),
        "reliability": (6.0, _reliability),
        "roc": (6.5, _roc),
    }
    written = []
    for name, (size, draw) in drawers.items():
        figure = Figure(figsize=(size, size - 0.5), layout="constrained")
        draw(figure.subplots(), answers, truth, labels)
        path = folder / f"{kind}-{name}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=DOTS_PER_INCH)
        except OSError as error:
            raise UsageError(f"--pictures {path}: cannot be written: {error.strerror}") from error
        written.append(path)
    return written


def _confusion(axes: Axes, answers: FloatArray, truth: IndexArray, labels: tuple[str, ...]) -> None:
    matrix = confusion(answers, truth)
    shares = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        share = float(shares[row, column])
        axes.text(
            column,
            row,
            f"{share:.0%}\n{count}",
            ha="center",
            va="center",
            fontsize=9,
            color="white" if share > 0.5 else "black",
        )
    places = range(len(labels))
    axes.set_xticks(places, labels, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, labels)
    axes.set_xlabel("answered")
    axes.set_ylabel("true")
    right = matrix.trace() / max(1, matrix.sum())
    axes.set_title(f"accuracy {right:.2%} of {matrix.sum()} faces")


def _reliability(axes: Axes, answers: FloatArray, truth: IndexArray, _labels: Any) -> None:
    found = reliability(answers, truth)
    bins = len(found.faces)
    middles = (np.arange(bins) + 0.5) / bins
    seen = found.faces > 0
    shade = found.faces[seen] / found.faces.max()
    axes.plot([0, 1], [0, 1], color="0.5", linestyle="--", label="confidence = accuracy")
    axes.bar(
        middles[seen],
        found.accuracy[seen],
        width=0.95 / bins,
        color=[(0.12, 0.47, 0.71, 0.25 + 0.75 * float(share)) for share in shade],
        label="accuracy (darker: more faces)",
    )
    axes.plot(
        found.confidence[seen], found.accuracy[seen], "o", color="C3", label="mean confidence"
    )
    for middle, faces, height in zip(
        middles[seen], found.faces[seen], found.accuracy[seen], strict=True
    ):
        axes.text(middle, height + 0.015, str(faces), ha="center", fontsize=8)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.05)
    axes.set_xlabel("confidence")
    axes.set_ylabel("accuracy")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2)
    axes.set_title(f"calibration error {expected_calibration_error(answers, truth):.3f}")


def _roc(axes: Axes, answers: FloatArray, truth: IndexArray, labels: tuple[str, ...]) -> None:
    areas = []
    for column, name in enumerate(labels):
        scores, positive = answers[:, column], truth == column
        if positive.any() and not positive.all():
            areas.append(roc_auc(scores, positive))
            axes.plot(*roc_curve(scores, positive), label=f"{name} {areas[-1]:.3f}")
    axes.plot([0, 1], [0, 1], color="0.5", linestyle="--")
    axes.set_xlabel("false positive rate")
    axes.set_ylabel("true positive rate")
    axes.set_aspect("equal")
    if areas:
        axes.legend(title="area", loc="lower right")
        axes.set_title(f"one class against the rest, mean area {np.mean(areas):.3f}")
