"""What trained networks reached, in a small file that travels with the code.

`convert/assets/results.json`, written by `python -m convert.training.table --trained ...` alone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from edge.errors import RefusedFile, first_line

FILE = Path(__file__).resolve().parent.parent / "assets" / "results.json"


@dataclass(frozen=True)
class Result:
    """Accuracies, from 0 to 1, of a trained network on the part of `data` set aside from training.

    `file` is what it was read from, `sha256` that file's digest; `trained_by` says who trained it,
    "" for files of others. `command` made this record.
    """

    network: str
    file: str
    sha256: str
    trained_by: str
    data: str
    faces: int
    float_accuracy: float
    int8_accuracy: float
    command: str


def read(path: Path = FILE) -> dict[str, Result]:
    """By network; empty where there is no file yet. Raises `RefusedFile` where it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: Result(**values) for name, values in content.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise RefusedFile(f"{path}: not what the table wrote ({first_line(error)})") from error


def write(results: dict[str, Result], path: Path = FILE) -> None:
    """All of them, in the order of their names."""
    content = {name: asdict(results[name]) for name in sorted(results)}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
