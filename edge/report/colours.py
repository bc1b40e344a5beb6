"""The colours of pictures and pages, in the light and in the dark.

A picture names its colours as CSS custom properties, `var(--ink)`: in a page they follow the theme
of whoever reads it. For a PNG they become those of the light theme.
"""

from __future__ import annotations

import re

LIGHT = {
    "page": "#ffffff",
    "card": "#f4f6f8",
    "ink": "#1b1f24",
    "soft": "#57606a",
    "line": "#d8dde3",
    "link": "#1d5ba8",
    "band": "#cfe2f3",
    "negative": "#a83244",
    "nobody": "#e4e7ea",
    "paused": "#a9bdd2",
    "hours": "#7c8894",
    "warn": "#fff3cd",
    "worst": "#b35900",
    "heat0": "#fdebdc",
    "heat1": "#fbcfa8",
    "heat2": "#f2a173",
    "heat3": "#dc6f52",
    "heat4": "#b03a54",
    "heat5": "#6f1d4e",
    "angry": "#b5262e",
    "disgust": "#8a5a2b",
    "fear": "#7b4ba0",
    "sad": "#2c62a6",
    "contempt": "#b0658f",
    "surprise": "#e3a72f",
    "happy": "#4f9f5b",
    "neutral": "#b9bec4",
    "other": "#7fb5b5",
}
DARK = {
    "page": "#14171b",
    "card": "#1c2026",
    "ink": "#e8ecf0",
    "soft": "#a3adb8",
    "line": "#363c44",
    "link": "#8ab8f0",
    "band": "#223a52",
    "negative": "#ff8f96",
    "nobody": "#2a2f36",
    "paused": "#4c6078",
    "hours": "#8a96a3",
    "warn": "#453a12",
    "worst": "#f0883e",
    "heat0": "#40302a",
    "heat1": "#68402f",
    "heat2": "#955039",
    "heat3": "#c9664f",
    "heat4": "#f08a80",
    "heat5": "#ffc9c4",
    "angry": "#e5565c",
    "disgust": "#b07d4a",
    "fear": "#a67fd0",
    "sad": "#5f97de",
    "contempt": "#d48ab5",
    "surprise": "#f0bd55",
    "happy": "#6fbf7b",
    "neutral": "#6b737c",
    "other": "#6aa5a5",
}


def color(name: str) -> str:
    """Return the colour `name` of the page's theme, as CSS."""
    return f"var(--{name})"


def expression(label: str) -> str:
    """Return the name of the colour of an expression."""
    return label if label in LIGHT else "other"


def in_light(text: str) -> str:
    """Return `text` with its named colours in those of the light theme."""
    return re.sub(r"var\(--(\w+)\)", lambda found: LIGHT[found[1]], text)
