"""`--task faces`: `fer-train` and `fer-evaluate` for the face network, with other options."""

from __future__ import annotations


def faces(arguments: list[str]) -> list[str] | None:
    """Return what follows a leading `--task faces`; None for expressions."""
    return arguments[2:] if arguments[:2] == ["--task", "faces"] else None
