"""The data dictionary of an exported folder, and the cards of the models in it."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from edge import __version__, tflite
from edge.errors import FerEdgeError
from edge.export.columns import COLUMNS, FOLDERS, Column

NAME = "_data_dictionary.json"
MODELS = "_models"
_ABOUT = (
    "Expressions read from faces by FER Edge: a row for each reading of a face, and for each event."
    " Expressions are not feelings. Times of files are UTC; device and date are in the folders'"
    " names. Names that begin with _ are no data."
)


def content() -> dict[str, Any]:
    """Return the data dictionary: every column with its type and meaning."""
    return {
        "about": _ABOUT,
        "written_by": f"fer-edge {__version__}",
        "columns": [_described(column, "file") for column in COLUMNS]
        + [_described(column, "folder name") for column in FOLDERS],
    }


def _described(column: Column, where: str) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.kind.value,
        "in": where,
        "null_for_events": not column.event,
        "meaning": column.meaning,
    }


def cards(models: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield digest and `card.json` of each of the files that can be read; the digest is of that."""
    for path in models:
        try:
            tflite.read_card(path)
            with zipfile.ZipFile(path) as archive:
                yield tflite.card_digest(path), archive.read("card.json")
        except (FerEdgeError, OSError):  # rows stay without their card
            continue


def write(out: Path, found: Iterable[tuple[str, bytes]]) -> None:
    """Write the dictionary into `out`, and the cards that were `found` below it."""
    text = json.dumps(content(), indent=2, ensure_ascii=False) + "\n"
    _replace(out / NAME, text.encode())
    for digest, card in found:
        (out / MODELS).mkdir(0o750, exist_ok=True)
        _replace(out / MODELS / f"{digest}.json", card)


def _replace(path: Path, content: bytes) -> None:
    """Write a file at once, unless it is so already."""
    if path.exists() and path.read_bytes() == content:
        return
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)
