"""Diaries to be exported, and what is in them as plainly as it can be read."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

LABELS = ("angry", "happy", "neutral")
#: Of another model; one label is the same.
OTHERS = ("contempt", "happy")
DIGEST = "3fa9c2d41b7e"


def header(labels: tuple[str, ...] = LABELS) -> str:
    return ",".join(
        [
            "time,face,emotion,confidence",
            *(f"p_{label}" for label in labels),
            "x,y,width,height,note",
        ]
    )


def line(time: datetime, face: int, labels: tuple[str, ...] = LABELS, note: str = "") -> str:
    """A reading, with no line end."""
    shares = [round(1 - 0.0625 * (len(labels) - 1), 4), *[0.0625] * (len(labels) - 1)]
    numbers = ",".join(f"{share:.4f}" for share in shares)
    stamp = time.isoformat(timespec="milliseconds")
    return f"{stamp},{face},{labels[0]},{shares[0]:.4f},{numbers},{face},-2,90,91,{note}"


def event(time: datetime, note: str, labels: tuple[str, ...] = LABELS) -> str:
    """An event, with no line end."""
    return time.isoformat(timespec="milliseconds") + "," * (8 + len(labels)) + note


def model(time: datetime, labels: tuple[str, ...] = LABELS, digest: str = DIGEST) -> str:
    return event(time, f"model {digest} 1s", labels)


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{each}\r\n" for each in lines).encode("utf-8", "surrogateescape"))
    return path


def fleet(folder: Path, devices: int, days: int, rows: int) -> list[Path]:
    """Diaries of `devices` devices: one file each, whose days have `rows` readings each."""
    start = datetime.fromisoformat("2026-03-01T08:00:00.000+01:00")
    paths = []
    for device in range(devices):
        lines = [header(), model(start)]
        for day in range(days):
            at = start + timedelta(days=day)
            lines += [line(at + timedelta(seconds=n), day + 1) for n in range(rows)]
        paths.append(write(folder / f"desk-{device}" / "expressions.csv", *lines))
    return paths


def naive(path: Path) -> list[dict[str, str]]:
    """The rows of a diary's file in which nothing is wrong, by the names of their columns."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
