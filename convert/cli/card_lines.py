"""A model's card for people: its quality in a line, all of it on a screen."""

from __future__ import annotations

import textwrap
from typing import Any

from convert.agreement import agreement

WIDTH, LINES = 80, 24
_INDENT = 13


def quality(card: dict[str, Any]) -> str:
    """Return how well int8 agrees with float, and accuracies where they are known."""
    parts = [f"int8 {agreement(card['compared'])}"]
    if floats := card.get("mixed"):
        parts.insert(0, f"mixed: {floats['in_float']} of {floats['operators']} operators in float")
    if evaluation := card.get("evaluation"):
        accuracies = (f"{kind} {evaluation[kind]['accuracy']:.1%}" for kind in ("float", "int8"))
        parts.append(f"accuracy: {', '.join(accuracies)}")
    return "; ".join(parts)


def screen(card: dict[str, Any]) -> list[str]:
    """Return the card in at most `LINES` lines of at most `WIDTH` characters.

    What a card does not have, as when another version made it, is left out.
    """
    fields = {
        "labels": ", ".join(card["labels"]) + _of(card, "label_order", " ({})"),
        "input": "x".join(map(str, card["input_shape"][1:])) + " pixels, 0 to 255",
        "input range": _of(card, "input_range_value", "{}"),
        "quality": quality(card) if "compared" in card else "",
        "measured on": _of(card.get("compared", {}), "on", "{}"),
        "source": _source(card),
        "calibration": _of(card, "calibration", "{}"),
        "operators": ", ".join(card.get("operators", ())),
        "runtime": _of(card, "minimum_runtime", "TFLite {} or newer"),
        "converter": _of(card, "converter_version", "FER Edge {}"),
        "WARNING": "; ".join(card.get("warnings", ())),
    }
    lines = [line for name, text in fields.items() for line in _wrapped(name, text)]
    return [*lines[: LINES - 1], "--json prints the whole card"]


def _wrapped(name: str, text: str) -> list[str]:
    """Return at most three lines; none for an empty `text`."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"{name:<{_INDENT}}",
        subsequent_indent=" " * _INDENT,
        max_lines=3,
        placeholder=" ...",
    )


def _of(card: dict[str, Any], key: str, form: str) -> str:
    return form.format(card[key]) if card.get(key) else ""


def _source(card: dict[str, Any]) -> str:
    parts = (
        _of(card, "source", "{}"),
        _of(card, "parameters", "{:,} parameters"),
        _of(card, "source_sha256", "sha256 {:.12}"),
    )
    return ", ".join(part for part in parts if part)
