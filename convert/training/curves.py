"""The learning curves as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def draw(history: Sequence[dict[str, float]], best: int, title: str, path: Path) -> bool:
    """Loss and accuracy over the epochs to the PNG `path`, the kept epoch marked.

    False, and no file, where matplotlib (the extra `report`) is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  # an extra
    except ImportError:
        return False
    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(9, 4), layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    losses.plot(epochs, [row["loss"] for row in history], label="training, augmented")
    losses.plot(epochs, [row["validation_loss"] for row in history], label="validation")
    losses.set_ylabel("loss")
    accuracies.plot(epochs, [100 * row["validation_accuracy"] for row in history], color="C1")
    accuracies.set_ylabel("validation accuracy, %")
    for axes in (losses, accuracies):
        axes.axvline(epochs[best], color="0.6", linestyle=":", label="kept")
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
    losses.legend()
    figure.suptitle(title)
    figure.savefig(path, dpi=110)
    return True
