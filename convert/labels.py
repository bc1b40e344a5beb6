"""Names of the classes and their order: what `--labels` means."""

from __future__ import annotations

import functools
from importlib import resources
from pathlib import Path

import numpy as np

from edge.errors import RefusedFile, UsageError
from edge.labels import canonical

CONTEMPT = "contempt"
#: The asset with the statistics of FER2013; `convert.faces.synthetic` describes it.
STATISTICS = resources.files("convert") / "assets" / "synthetic_faces.npz"
#: The columns of FER+ (Barsoum et al. 2016, arXiv 1608.01041): votes of ten taggers for each class.
#: `NF` means "not a face".
FERPLUS = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
)
#: Class orders of other data sets (8 classes of FER+ and AffectNet, 7 without contempt).
_FERPLUS_ORDER = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", CONTEMPT)
_AFFECTNET_ORDER = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", CONTEMPT)
OTHER_DATA_SETS = {
    "FER+": _FERPLUS_ORDER,
    "FER+ without contempt": _FERPLUS_ORDER[:-1],
    "AffectNet": _AFFECTNET_ORDER,
    "AffectNet without contempt": _AFFECTNET_ORDER[:-1],
    "RAF-DB": ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"),
}


@functools.cache
def fer_order() -> tuple[str, ...]:
    """Return FER2013's seven classes in its own order.

    The bundled statistics record them.
    """
    with STATISTICS.open("rb") as file, np.load(file, allow_pickle=False) as data:
        return tuple(str(label) for label in data["labels"])


def parse(text: str, classes: int) -> tuple[str, ...]:
    """Parse `--labels`; return the labels in canonical form.

    `fer` is FER2013's order (contempt last for 8 classes); `alphabetical` the same names sorted,
    which is how Keras reads class folders; otherwise a file with one label per line, or a
    comma-separated list. Raises `UsageError` for a wrong number of labels or a duplicate.
    """
    if text in ("fer", "alphabetical"):
        names = known_order(text, classes)
        if names is None:
            raise UsageError(
                f"--labels {text}: stands for 7 or 8 classes, the model has {classes};"
                " list them: --labels happy,neutral,..."
            )
        return names
    names = tuple(canonical(name) for name in _listed(text) if name.strip())
    if len(names) != classes:
        raise UsageError(f"--labels {text}: {len(names)} labels, but the model has {classes}")
    if len(set(names)) != len(names):
        raise UsageError(f"--labels {text}: duplicate label (after aliases: {', '.join(names)})")
    return names


def known_order(order: str, classes: int) -> tuple[str, ...] | None:
    """Return 7 or 8 names in `fer` or `alphabetical` order; None for other counts."""
    names = fer_order()
    if classes == len(names) + 1:
        names = (*names, CONTEMPT)
    if classes != len(names):
        return None
    return names if order == "fer" else tuple(sorted(names))


def _listed(text: str) -> list[str]:
    path = Path(text)
    if "," in text or not path.is_file():
        return text.split(",")
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedFile(f"--labels {path}: not a text file with one label per line") from error
