"""The canonical label of each expression, whatever a model's author called it."""

from __future__ import annotations

_ALIASES = {
    "anger": "angry",
    "mad": "angry",
    "disgusted": "disgust",
    "disgusting": "disgust",
    "afraid": "fear",
    "fearful": "fear",
    "scared": "fear",
    "happiness": "happy",
    "happily": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "surprising": "surprise",
    "contemptuous": "contempt",
    "natural": "neutral",
}


def canonical(label: str) -> str:
    """Return the canonical label: lower case, `_` for spaces, common aliases mapped."""
    plain = "_".join(label.strip().lower().replace("-", " ").replace("_", " ").split())
    return _ALIASES.get(plain, plain)
