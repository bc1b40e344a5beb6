"""Hours of neutral and of happy faces, in each condition, through the service's loop: no alert.

    python -m tests.long.hours [SECONDS]        (3600; 12 minutes on two cores)

Prints the table of docs/training.md: how many of the readings are clear, and which share of these
is negative, in all and in the worst of all windows. The faces are those of FER2013's public test
split in FER_EDGE_SHARED, each shown for one to two seconds; nothing is written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from edge.config.alerts import NEGATIVE, AlertConfig
from edge.notes import is_clear
from edge.records import AlertEvent, Reading
from tests.conftest import ROOT
from tests.support import visitors
from tests.support.visitors import Played

RULE = AlertConfig()
#: Windows with fewer clear readings say little.
LEAST = 60
HEAD = (
    "| condition | clear | neutral: negative, most | happy: negative, most"
    " | labelled sad or angry: negative, least | clearly so: negative, least"
    " | clearly so: raised after |\n"
    "|---|---:|---:|---:|---:|---:|---:|"
)


def counts(reading: Reading) -> bool:
    """Whether it does, for the default alert."""
    return reading.emotion in NEGATIVE and reading.confidence >= RULE.min_confidence


def shares(readings: Sequence[Reading]) -> Iterator[float]:
    """The share of negative readings in each full window, unless it has too few clear ones."""
    clear = [reading for reading in readings if is_clear(reading.notes)]
    first = 0
    for last, (reading, following) in enumerate(pairwise(clear)):
        while clear[first].source_s <= reading.source_s - RULE.window_s:
            first += 1
        window = clear[first : last + 1]
        full = reading.source_s >= RULE.window_s and following.source_s > reading.source_s
        if full and len(window) >= LEAST:
            yield sum(map(counts, window)) / len(window)


def cell(played: Played, *, worst_is_least: bool = False) -> str:
    """The share of negative readings, and that of the worst window."""
    clear = [reading for reading in played.readings if is_clear(reading.notes)]
    share = sum(map(counts, clear)) / len(clear) if clear else 0.0
    worst = (min if worst_is_least else max)(shares(played.readings), default=None)
    return f"{share:.1%}, {'–' if worst is None else f'{worst:.1%}'}"


def after(played: Played) -> str:
    """How long after the first reading the alert was raised."""
    raised = [each for each in played.alerts if each.event_type is AlertEvent.RAISED]
    if not raised:
        return "–"
    return f"{(raised[0].time - played.readings[0].time).total_seconds():.0f} s"


def row(condition: str, of: Mapping[str, Played]) -> str:
    """What was played in a condition, by the kind of its faces."""
    readings = [reading for played in of.values() for reading in played.readings]
    clear = sum(is_clear(reading.notes) for reading in readings) / len(readings)
    cells = [cell(of["neutral"]), cell(of["happy"])]
    cells += [cell(of[kind], worst_is_least=True) for kind in ("labelled", "clearly")]
    cells = [condition or "clean", f"{clear:.0%}", *cells, after(of["clearly"])]
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Print the table; 1 where an alert is raised that should not be."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3600.0
    shared = Path(os.environ.get("FER_EDGE_SHARED", ROOT.parent / "shared"))
    data, behind = shared / "data" / "fer2013_train_public.npz", visitors.scene(shared / "videos")
    wanted = {
        "neutral": (visitors.labelled(data, "neutral"), seconds),
        "happy": (visitors.labelled(data, "happy"), seconds),
        "labelled": (visitors.labelled(data, "sad", "angry", agreed=0), seconds / 6),
        "clearly": (visitors.labelled(data, "sad", "angry"), seconds / 6),
    }
    false = 0
    print(HEAD)
    for condition in visitors.CONDITIONS:
        of = {
            kind: visitors.play(visitors.frames(faces, behind, condition, length_s), RULE)
            for kind, (faces, length_s) in wanted.items()
        }
        print(row(condition, of), flush=True)
        false += len(of["neutral"].alerts) + len(of["happy"].alerts)
    print(f"alerts on neutral or happy faces: {false}")
    return 1 if false else 0


if __name__ == "__main__":
    sys.exit(main())
