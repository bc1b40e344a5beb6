"""Measure the table of networks in docs/training.md.

    python -m tests.benchmarks.network_table --data fer2013.npz
    python -m tests.benchmarks.network_table --data fer2013.npz --trained deep-cnn=deep-cnn.keras

The shipped files are measured themselves; their float accuracy is the one in their card. Other
networks are built with random weights, for their size and time; their accuracies are those
recorded in `tests/benchmarks/results.json`. A trained file given with --trained is converted and
scored, and the result is recorded there.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from convert.cli.progress import Bars
from edge.errors import FerEdgeError
from tests.benchmarks import network_results

if TYPE_CHECKING:
    from tests.benchmarks.network_rows import Row

#: The others' times are divided by this network's.
REFERENCE = "mini-xception"
HEAD = (
    "| network | parameters | million MACs | int8 KB | time | float % | int8 % |\n"
    "|---|---:|---:|---:|---:|---:|---:|"
)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.network_table",
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
    add(
        "--results", metavar="FILE", type=Path, default=network_results.FILE, help=argparse.SUPPRESS
    )
    add("--rounds", type=int, default=500, help="inferences that are timed (500)")
    add("-v", "--verbose", action="store_true", help="show TensorFlow's own output")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Print the table; return the exit code."""
    options, bars = _parse(arguments), Bars()
    os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")
    # Imported late: these import TensorFlow, and the environment must be set before.
    from tests.benchmarks import network_rows as measured
    from tests.benchmarks.inference_times import medians_ms

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
    except FerEdgeError as error:
        bars.close()
        print(f"table: {error}", file=sys.stderr)
        return error.code
    return 0


def _caption(rows: list[Row], reference_ms: float, options: argparse.Namespace) -> str:
    """Return what the columns are, and whose files were scored."""
    recorded = network_results.read(options.results)
    said = [
        f"Time: of one inference on one thread, relative to {REFERENCE} ({reference_ms:.2f} ms on"
        f" the {platform.machine()} where this was run; other processors give other ratios)."
        f" Accuracies: on the faces of {options.data.name} held out from training."
    ]
    for row in rows:
        if row.name in recorded:
            reached = recorded[row.name]
            by = reached.trained_by or "as its authors published it"
            said.append(f"{row.name}: `{reached.file}`, {by}.")
    return " ".join(said)


if __name__ == "__main__":
    raise SystemExit(main())
