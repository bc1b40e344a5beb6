"""The README's tables of benchmarks: `fer-edge bench --compare` on every video of a folder.

    python -m tests.benchmarks VIDEOS [REPORTS.json]

Needs TensorFlow for the true classic loop. Takes minutes; on a machine that does nothing else, or
figures are larger than they should be. The growth of memory is measured on the first video alone.
REPORTS.json keeps what was measured; where it exists, nothing is measured again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import command, environment

Report = dict[str, Any]
VIDEOS = {".mp4", ".mkv", ".avi", ".mov", ".webm"}
CLIP_HEAD = (
    "| clip | frames, faces | ms: mean, p99, worst | full Haar ms | classic Keras, TFLite ms"
    " | recall, precision | id changes | tracks, false |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|"
)
GOAL_HEAD = "| what | goal | measured |\n|---|---:|---:|"


def measured(video: Path, *options: str) -> Report:
    """The report of one video, from a process of its own."""
    print(video.name, file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command("bench", "--config", os.devnull, "--source", video, "--json", *options),
            env=environment(Path(folder)),
            stdout=subprocess.PIPE,
            check=True,
        )
    report: Report = json.loads(done.stdout)
    return report


def clip(report: Report) -> str:
    """A line of the table of clips."""
    cost, quality, classic = report["cpu_ms"], report["quality"], report["classic"]
    beside = [
        f"{classic[name]['cpu_ms']['mean']:.1f}" if name in classic else "–"
        for name in ("classic_keras", "classic_tflite")
    ]
    cells = (
        Path(report["source"]).name,
        f"{report['frames']}, {report['face_frames']}",
        f"{cost['mean']:.2f}, {cost['p99']:.2f}, {cost['max']:.2f}",
        f"{report['full_haar_ms']:.1f}",
        ", ".join(beside),
        f"{_share(quality['recall'])}, {_share(quality['precision'])}",
        f"{quality['id_changes']} in {quality['linked_frames']}",
        f"{quality['tracks']}, {quality['false_tracks']}",
    )
    return f"| {' | '.join(cells)} |"


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.3f}"


class Goal(NamedTuple):
    """`figure` of a report, None where the goal is not about such a clip; `worst` picks one."""

    what: str
    goal: str
    worst: Callable[[list[float]], float]
    figure: Callable[[Report], float | None]
    shown: str = "{:.2f}"


def _steady(report: Report, name: str) -> float | None:
    """A ratio, of clips with one face throughout, followed without a break."""
    one_face = report["face_frames"] >= 0.9 * report["frames"] and report["quality"]["tracks"] == 1
    ratio: float | None = report["ratio"][name] if one_face else None
    return ratio


def _sizes(report: Report) -> float:
    small, large = report["resolution_ms"].values()
    return float(large / small)


def _start(report: Report) -> float | None:
    start: float | None = report["startup_cpu_s"]
    return None if start is None else start / report["imports"]["cpu_s"]


GOALS = (
    Goal(
        "classic Keras loop ÷ ours, one steady face",
        "≥ 80",
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
    Goal("recall", "≥ 0.95", min, lambda r: r["quality"]["recall"], "{:.3f}"),
    Goal("precision", "≥ 0.95", min, lambda r: r["quality"]["precision"], "{:.3f}"),
    Goal(
        "tracks where a full scan sees no lasting face",
        "0",
        max,
        lambda r: r["quality"]["tracks"] if r["quality"]["recall"] is None else None,
        "{}",
    ),
    Goal("one more face, ms", "≤ 1.2", max, lambda r: r["extra_face_ms"]),
    Goal(
        "p99 of a frame, as a share of a full scan",
        "≤ 1/10",
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
        "≤ 15",
        max,
        lambda r: r["rss_mb"] - r["imports"]["rss_mb"],
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
    Goal(
        "id changes in 200 linked frames",
        "≤ 1",
        max,
        lambda r: 200 * r["quality"]["id_changes"] / max(1, r["quality"]["linked_frames"]),
    ),
)


def goals(reports: Sequence[Report]) -> Iterator[str]:
    """A line for each goal, with what the clip that is worst for it gave."""
    for goal in GOALS:
        figures = [found for r in reports if (found := goal.figure(r)) is not None]
        told = goal.shown.format(goal.worst(figures)) if figures else "–"
        yield f"| {goal.what} | {goal.goal} | {told} |"


def main() -> None:
    """Measures, or reads what was measured, and prints both tables."""
    folder, kept = Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None
    if kept is not None and kept.exists():
        reports = json.loads(kept.read_text())
    else:
        videos = sorted(path for path in folder.iterdir() if path.suffix in VIDEOS)
        reports = [measured(video, "--compare") for video in videos[1:]]
        reports.insert(0, measured(videos[0], "--compare", "--allocations"))
    if kept is not None:
        kept.write_text(json.dumps(reports, indent=1))
    print(GOAL_HEAD, *goals(reports), "", CLIP_HEAD, *map(clip, reports), sep="\n")


if __name__ == "__main__":
    main()
