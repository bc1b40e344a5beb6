"""What the classes are called, and in which order: what `--labels` says."""

from __future__ import annotations

from pathlib import Path

from convert.faces.synthetic_faces import statistics
from edge.errors import RefusedFile, UsageError
from edge.model_card import canonical

CONTEMPT = "contempt"
#: Orders of other data sets' own numbering (8 classes of FER+ and AffectNet, 7 without contempt).
_FERPLUS = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", CONTEMPT)
_AFFECTNET = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", CONTEMPT)
ELSEWHERE = {
    "FER+": _FERPLUS,
    "FER+ without contempt": _FERPLUS[:-1],
    "AffectNet": _AFFECTNET,
    "AffectNet without contempt": _AFFECTNET[:-1],
    "RAF-DB": ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"),
}


def fer_order() -> tuple[str, ...]:
    """The seven classes in FER2013's own order."""
    return statistics().labels


def parse(text: str, classes: int) -> tuple[str, ...]:
    """The labels that `--labels` names for a model of `classes` classes, each in canonical form.

    `fer`: FER2013's order (with contempt last for 8 classes); `alphabetical`: the same names
    sorted, as Keras reads class folders; a file with one label a line; or a list with commas.
    Raises `UsageError` where the number is not `classes` or a name comes twice.
    """
    if text in ("fer", "alphabetical"):
        names = known(text, classes)
        if names is None:
            raise UsageError(
                f"--labels {text}: stands for 7 or 8 classes, the model has {classes};"
                " name them: --labels happy,neutral,..."
            )
        return names
    names = tuple(canonical(name) for name in _named(text) if name.strip())
    if len(names) != classes:
        raise UsageError(f"--labels {text}: names {len(names)} classes, the model has {classes}")
    if len(set(names)) != len(names):
        raise UsageError(f"--labels {text}: a name comes twice (after aliases: {', '.join(names)})")
    return names


def known(order: str, classes: int) -> tuple[str, ...] | None:
    """The 7 or 8 names in `fer` or `alphabetical` order; None for another number of classes."""
    names = fer_order()
    if classes == len(names) + 1:
        names = (*names, CONTEMPT)
    if classes != len(names):
        return None
    return names if order == "fer" else tuple(sorted(names))


def _named(text: str) -> list[str]:
    path = Path(text)
    if "," in text or not path.is_file():
        return text.split(",")
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedFile(f"--labels {path}: not a text file with one label a line") from error
