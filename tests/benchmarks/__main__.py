"""The tables of docs/benchmarks.md: our loop and the classic one on every video of a folder.

    python -m tests.benchmarks VIDEOS [REPORTS.json] [--allocations]

Needs TensorFlow for the true classic loop. Our loop is measured on every frame, the others and the
full scan on every sixteenth, in the same process in turn. Takes minutes of CPU time; on a machine
that does nothing else, or figures are larger than they should be. `--allocations` also measures the
growth of memory, on the first video: 15,000 frames under a tracer, longer than all the rest.
REPORTS.json keeps what was measured; what it has is not measured again. What is found, and how
well, is another table: `tests.benchmarks.faces`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import ROOT, environment

Report = dict[str, Any]
VIDEOS = {".mp4", ".mkv", ".avi", ".mov", ".webm"}
CLIP_HEAD = (
    "| clip | frames, faces | ms: mean, p99, worst | full Haar ms | classic Keras, TFLite ms"
    " | ratios | RSS beyond imports, start |\n"
    "|---|---:|---:|---:|---:|---:|---:|"
)
_LOOPS = "classic_keras", "classic_tflite"
GOAL_HEAD = "| what | goal | measured |\n|---|---:|---:|"


def measured(videos: Sequence[Path], *options: str) -> Iterator[Report]:
    """Yield the reports of videos, measured in a process of their own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.classic", *map(str, videos), *options],
            cwd=ROOT,
            env=environment(Path(folder)),
            stdout=subprocess.PIPE,
        ) as process,
    ):
        assert process.stdout is not None
        yield from map(json.loads, process.stdout)
    if process.returncode:
        sys.exit(process.returncode)


def clip(report: Report) -> str:
    """A line of the table of clips."""
    cost, ratios = report["cpu_ms"], report["ratio"]
    beside = [
        _or_dash(report["classic"].get(name, {}).get("cpu_ms", {}).get("mean")) for name in _LOOPS
    ]
    cells = (
        Path(report["source"]).name,
        f"{report['frames']}, {report['face_frames']}",
        f"{cost['mean']:.2f}, {cost['p99']:.2f}, {cost['max']:.2f}",
        f"{report['full_haar_ms']:.1f}",
        ", ".join(beside),
        ", ".join(_or_dash(ratios[name]) for name in _LOOPS),
        f"{_memory(report):.1f} MB, {_or_dash(_start(report), 2)}",
    )
    return f"| {' | '.join(cells)} |"


def _or_dash(number: float | None, digits: int = 1) -> str:
    return "–" if number is None else f"{number:.{digits}f}"


class Goal(NamedTuple):
    """`figure` of a report, None where the goal is not about such a clip; `worst` picks one."""

    what: str
    goal: str
    worst: Callable[[list[float]], float]
    figure: Callable[[Report], float | None]
    shown: str = "{:.2f}"


def _steady(report: Report, name: str) -> float | None:
    """A ratio, of clips with one face throughout, followed without a break."""
    one_face = report["face_frames"] >= 0.9 * report["frames"] and report["tracks"] == 1
    ratio: float | None = report["ratio"][name] if one_face else None
    return ratio


def _sizes(report: Report) -> float:
    small, large = report["resolution_ms"].values()
    return float(large / small)


def _memory(report: Report) -> float:
    return float(report["rss_mb"] - report["imports"]["rss_mb"])


def _start(report: Report) -> float | None:
    start: float | None = report["startup_cpu_s"]
    return None if start is None else start / report["imports"]["cpu_s"]


GOALS = (
    Goal(
        "classic Keras loop ÷ ours, one steady face",
        "≥ 100",
        min,
        lambda r: _steady(r, "classic_keras"),
        "{:.1f}",
    ),
    Goal(
        "the same with TFLite in place of Keras",
        "≥ 30",
        min,
        lambda r: _steady(r, "classic_tflite"),
        "{:.1f}",
    ),
    Goal("one more face, ms", "≤ 1.2", max, lambda r: r["extra_face_ms"]),
    Goal(
        "p99 of a frame, as a share of a full scan",
        "≤ 1/12",
        min,
        lambda r: r["full_haar_ms"] / r["cpu_ms"]["p99"],
        "1/{:.1f}",
    ),
    Goal(
        "worst frame, as a share of a full scan",
        "≤ 1/3",
        min,
        lambda r: r["full_haar_ms"] / r["cpu_ms"]["max"],
        "1/{:.1f}",
    ),
    Goal("empty still scene, ms", "≤ 0.1", max, lambda r: r["still_ms"], "{:.3f}"),
    Goal(
        "RSS beyond that of bare imports with one open video, MB",
        "≤ 16",
        max,
        _memory,
        "{:.1f}",
    ),
    Goal("start to the first reading ÷ bare imports, CPU", "≤ 1.5", max, _start),
    Goal("640x480 → 1920x1080, cost", "≤ 1.5 times", max, _sizes),
    Goal(
        "growth of Python's memory over 10,000 frames, KB",
        "0",
        max,
        lambda r: r["allocations"]["growth_kb"] if "allocations" in r else None,
        "{:.1f}",
    ),
)


def goals(reports: Sequence[Report]) -> Iterator[str]:
    """A line for each goal, with what the clip that is worst for it gave."""
    for goal in GOALS:
        figures = [found for r in reports if (found := goal.figure(r)) is not None]
        told = goal.shown.format(goal.worst(figures)) if figures else "–"
        yield f"| {goal.what} | {goal.goal} | {told} |"


def main() -> None:
    """Measure what is not in the file of reports yet, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", type=Path)
    parser.add_argument("reports", type=Path, nargs="?")
    parser.add_argument("--allocations", action="store_true")
    options = parser.parse_args()
    kept: Path | None = options.reports
    reports = json.loads(kept.read_text()) if kept is not None and kept.exists() else []
    known = {report["source"] for report in reports}
    videos = sorted(path for path in options.videos.resolve().iterdir() if path.suffix in VIDEOS)
    missing = [video for video in videos if str(video) not in known]
    more = ["--allocations"] if options.allocations else []
    for report in measured(missing, "--every", "16", *more) if missing else ():
        print(report["source"], file=sys.stderr)
        reports.append(report)
        if kept is not None:
            kept.write_text(json.dumps(reports, indent=1))
    print(GOAL_HEAD, *goals(reports), "", CLIP_HEAD, *map(clip, reports), sep="\n")


if __name__ == "__main__":
    main()
