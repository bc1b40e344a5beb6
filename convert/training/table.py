"""The README's table of networks, measured.

    python -m convert.training.table --data fer2013.npz
    python -m convert.training.table --data fer2013.npz --trained deep-cnn=deep-cnn.keras

The shipped files are measured themselves, their float accuracy is the one in their card. Other
networks are built with random weights for their size and time; their accuracies are those recorded
in `convert/assets/results.json`. A trained file given with --trained is converted and scored, and
what it reached is recorded there.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from convert.screen import Bars
from convert.training import results
from edge.errors import Problem

if TYPE_CHECKING:
    from convert.training.rows import Row

#: What the others' times are divided by.
REFERENCE = "mini-xception"
HEAD = (
    "| network | parameters | million MACs | int8 KB | time | float % | int8 % |\n"
    "|---|---:|---:|---:|---:|---:|---:|"
)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m convert.training.table",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", metavar="PATH", type=Path, required=True, help="FER2013, as npz or csv")
    add("--trained", metavar="NAME=FILE", action="append", default=[], help="score and record it")
    add(
        "--networks",
        metavar="NAME",
        nargs="*",
        default=("deep-cnn", REFERENCE),
        help="beside the shipped ones",
    )
    add("--results", metavar="FILE", type=Path, default=results.FILE, help=argparse.SUPPRESS)
    add("--rounds", type=int, default=500, help="inferences that are timed (500)")
    add("-v", "--verbose", action="store_true", help="show TensorFlow's own output")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; its exit code."""
    options, bars = _parse(arguments), Bars()
    os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")
    # Here, not above: these import TensorFlow, and the environment must be set before.
    from convert.training import rows as measured  # noqa: PLC0415
    from convert.training.stopwatch import medians_ms  # noqa: PLC0415

    options.networks = [*options.networks, REFERENCE]
    try:
        with tempfile.TemporaryDirectory() as folder:
            rows = [
                *measured.by_name(options, Path(folder), bars),
                *measured.shipped(options, bars),
            ]
            times = medians_ms({row.name: row.path for row in rows}, options.rounds)
            bars.close()
            print(HEAD)
            for row in rows:
                time = f"{times[row.name] / times[REFERENCE]:.2f}"
                print("|", " | ".join(row.cells(time)), "|")
            print()
            print(_caption(rows, times[REFERENCE], options))
    except Problem as error:
        bars.close()
        print(f"table: {error}", file=sys.stderr)
        return error.code
    return 0


def _caption(rows: list[Row], reference_ms: float, options: argparse.Namespace) -> str:
    """What the columns are, and whose files were scored."""
    recorded = results.read(options.results)
    said = [
        f"Time: of one inference on one thread, relative to {REFERENCE} ({reference_ms:.2f} ms on"
        f" the {platform.machine()} where this was run; other processors give other ratios)."
        f" Accuracies: on the faces of {options.data.name} that are set aside from training."
    ]
    for row in rows:
        if row.name in recorded:
            reached = recorded[row.name]
            by = reached.trained_by or "as its authors published it"
            said.append(f"{row.name}: `{reached.file}`, {by}.")
    return " ".join(said)


if __name__ == "__main__":
    raise SystemExit(main())
