"""What trained networks reached, in a small file that travels with the code.

`tests/benchmarks/results.json` is written only by
`python -m tests.benchmarks.network_table --trained ...`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from edge.errors import RefusedFile, first_line

FILE = Path(__file__).resolve().parent / "results.json"


@dataclass(frozen=True)
class Result:
    """Accuracies, from 0 to 1, of a trained network on the split of `data` held out from training.

    `file` is what it was read from, `sha256` that file's digest; `trained_by` says what trained it,
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
    """Return the results by network; empty without a file, `RefusedFile` if damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: Result(**values) for name, values in content.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise RefusedFile(f"{path}: not what the table wrote ({first_line(error)})") from error


def write(results: dict[str, Result], path: Path = FILE) -> None:
    """Write all results, sorted by name."""
    content = {name: asdict(results[name]) for name in sorted(results)}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
