"""What a long diary costs: a start of the service, `fer-edge log` and `fer-edge summary`.

    python -m tests.benchmarks.diary [--days 31]

Generates a diary of one reading a second, a file of 86,400 rows (7.7 MB) for each day, in a
temporary folder, and prints three tables. The summaries are measured in turn with what `csv.reader`
and a counter take on the same rows in a process of its own, so that the ratio holds on a busy
machine too. Takes minutes, most of them for the generation.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from edge.config.schema import DiaryConfig
from edge.diary import daily, last_face, layout, reader, retention, schema
from edge.diary.tally import tally
from edge.diary.writer import DiaryWriter

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
DAY_S = 86400
#: How often summaries are measured.
ROUNDS = 3
#: The least that anybody does with such a file.
NAIVE = """
import collections, csv, sys
with open(sys.argv[1], newline="") as file:
    print(collections.Counter(row[2] for row in csv.reader(file)))
"""
_HEADER = schema.header(LABELS) + "\r\n"


class Cost(NamedTuple):
    """Of one process: seconds, and the largest resident memory in MB."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def day(begin: datetime, face: int) -> Iterator[str]:
    """A reading every second; a new face every ten minutes."""
    hours = [
        (begin + timedelta(hours=hour)).isoformat(timespec="milliseconds") for hour in range(24)
    ]
    for second in range(DAY_S):
        stamp = hours[second // 3600]
        at = f"{stamp[:14]}{second // 60 % 60:02}:{second % 60:02}{stamp[19:]}"
        share = 0.2 + second * 7919 % 8000 / 10000
        rest = (1 - share) / 6
        others = ",".join(f"{rest:.4f}" for _ in range(6))
        yield (
            f"{at},{face + second // 600},angry,{share:.4f},{share:.4f},{others},"
            f"{second % 400},{second % 300},{80 + second % 60},{80 + second % 60},\r\n"
        )


def generate(directory: Path, days: int, until: datetime) -> None:
    """Archives of `days` days that end at `until`, compressed as the service does it."""
    for number in range(days):
        begin = until - timedelta(days=days - number)
        path = directory / f"expressions-{begin.date()}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(_HEADER)
            file.writelines(day(begin, 1 + number * 144))
    retention.apply_retention(directory, DiaryConfig(keep_days=36500), clock_ok=True)
    (directory / last_face.NAME).write_text(f"{days * 144:012d}\n")


def start_s(directory: Path) -> float:
    """The time in which the diary is opened and the last face number known."""
    began_s = time.perf_counter()
    writer = DiaryWriter(DiaryConfig(keep_days=36500), directory, LABELS)
    taken_s = time.perf_counter() - began_s
    writer.close()
    return taken_s


def cost(directory: Path, *command: str) -> Cost:
    """What a command of `fer-edge` costs, its output thrown away."""
    program = ("-m", "edge", command[0], "--config", os.devnull, *command[1:])
    return cost_of(directory, *program)


def cost_of(directory: Path, *program: str) -> Cost:
    """What a Python process costs, its output thrown away."""
    before, began_s = os.times(), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *program],
        env=os.environ | {"LOGS_DIRECTORY": str(directory)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peak_kb = 0
    while process.poll() is None:  # its own memory; getrusage counts ours before exec, too
        peak_kb = max(peak_kb, _peak_kb(process.pid))
        time.sleep(0.01)
    wall_s, after = time.perf_counter() - began_s, os.times()
    if process.returncode:
        raise SystemExit(f"{' '.join(program)}: exit code {process.returncode}")
    cpu_s = after.children_user + after.children_system
    cpu_s -= before.children_user + before.children_system
    return Cost(wall_s, cpu_s, peak_kb / 1024)


def _peak_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next((int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line), 0)


def starts(days: list[Path], folder: Path) -> None:
    """Print the table of starts: no current file, as after it was moved away."""
    print("| archives | start, ms |\n|---|---|")
    for count in (0, 90, 270):
        directory = folder / f"start-{count}"
        directory.mkdir()
        for number in range(count):
            name = f"expressions-2020-01-01.{number + 1}.csv.gz"
            os.link(days[number % len(days)], directory / name)
        (directory / last_face.NAME).write_text("000000004464\n")
        print(f"| {count} | {1000 * start_s(directory):.1f} |")
        shutil.rmtree(directory)


def _least(costs: Iterable[Cost]) -> Cost:
    return min(costs, key=lambda cost: cost.cpu_s)


def summaries(archives: list[Path], folder: Path) -> None:
    """Print the table of summaries: of one file with all rows, and of the table of hours."""
    rows = folder / "rows"
    rows.mkdir()
    with (rows / layout.NAME).open("wb") as file:
        for number, path in enumerate(archives):
            with reader.open_binary(path) as archive:
                if number:
                    archive.readline()  # one header will do
                shutil.copyfileobj(archive, file)
    table = folder / "table"
    table.mkdir()
    daily.store(table, tally([rows / layout.NAME]))
    since = ("--since", "1000d", "--json")
    ratios, costs = [], list[Cost]()
    for _ in range(ROUNDS):
        naive = cost_of(rows, "-c", NAIVE, str(rows / layout.NAME))
        costs.append(cost(rows, "summary", *since))
        ratios.append(costs[-1].cpu_s / naive.cpu_s)
    found, of_table = _least(costs), _least(cost(table, "summary", *since) for _ in range(ROUNDS))
    ratio = statistics.median(ratios)
    print("\n| `fer-edge summary` | s of CPU | peak, MB | ÷ csv.reader and a counter |")
    print("|---|---|---|---|")
    print(f"| from the rows | {found.cpu_s:.2f} | {found.peak_mb:.0f} | {ratio:.2f} |")
    print(f"| from the table | {of_table.cpu_s:.2f} | {of_table.peak_mb:.0f} | |")
    shutil.rmtree(rows)
    shutil.rmtree(table)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--days", type=int, default=31)
    days = parser.parse_args().days
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        today = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        generate(folder, days, today - timedelta(days=2))
        archives = [path for _, _, path in layout.archives(folder)]
        starts(archives, folder)
        summaries(archives, folder)
        rows = days * DAY_S
        print(f"\n| `fer-edge log`, {rows:,} rows | s | s of CPU | peak, MB |\n|---|---|---|---|")
        for options in ("--since 1h", "--last 10", "--csv --since 3d", "", "--csv", "--json"):
            found = cost(folder, "log", *options.split())
            print(
                f"| `{options}` | {found.wall_s:.2f} | {found.cpu_s:.2f} | {found.peak_mb:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
