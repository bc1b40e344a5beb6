"""`fer-edge log`: the diary as a person, a spreadsheet or a script wants it."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from edge import diary
from edge.config import Config
from edge.diary import Row
from edge.errors import Problem, UsageError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def span(text: str) -> timedelta:
    """`30m`, `1h`, `7d` as a time span; for argparse."""
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is no span; write a number and s, m, h, d or w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


#: Where systemd/fer-edge.service keeps it; the shell of a person on the Pi does not know that.
SERVICE = Path("/var/log/fer-edge")


def where(config: Config) -> Path:
    """The diary to read: the configured one, one's own where there is one, or the service's."""
    own = config.log_directory
    told = config.log.directory or os.environ.get("LOGS_DIRECTORY")
    return SERVICE if not told and not diary.files(own) and os.path.lexists(SERVICE) else own


def say(text: str, *, end: str = "\n", flush: bool = False) -> None:
    """Prints; raises `Problem` where standard output takes no more."""
    try:
        print(text, end=end, flush=flush)
    except BrokenPipeError:  # nobody listens any more, which is no problem
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is in the buffer
        raise Problem(f"cannot write to standard output: {error.strerror}") from error


def show(directory: Path, options: argparse.Namespace) -> None:
    """Prints the diary in `directory`; `options` has `since`, `follow`, `csv` and `json`.

    Raises `Problem` where there is no diary.
    """
    if options.follow and options.json:
        raise UsageError("--follow never ends and --json prints one object: use --csv to follow")
    start = _ago(options.since) if options.since else None
    rows = _rows(directory, start, follow=options.follow)
    if options.json:
        say(json.dumps({"rows": [row.as_dict() for row in rows]}))
    elif options.csv:
        _print_csv(rows, flush=options.follow)
    else:
        for row in rows:
            say(_sentence(row), flush=options.follow)


def _ago(since: timedelta) -> datetime | None:
    try:
        return datetime.now().astimezone() - since
    except OverflowError:  # before the calendar began: everything
        return None


def _rows(directory: Path, start: datetime | None, *, follow: bool) -> Iterator[Row]:
    if os.path.lexists(directory) and not os.access(directory, os.R_OK | os.X_OK):
        raise Problem(f"{directory}: not yours to read; try with sudo")
    try:
        paths = diary.files(directory)
        if not paths and not follow:
            raise Problem(
                f"no diary in {directory} yet; fer-edge run writes it (see log.directory)"
            )
        if not follow:
            yield from diary.since(paths, start)
            return
        old = [path for path in paths if path.name != diary.NAME]
        yield from diary.since(old, start)
        yield from (row for row in diary.follow(directory) if start is None or row.time >= start)
    except PermissionError as error:
        raise Problem(f"{error.filename}: not yours to read; try with sudo") from error


def _print_csv(rows: Iterator[Row], *, flush: bool) -> None:
    head: tuple[str, ...] = ()
    for row in rows:
        if row.header != head:
            head = row.header
            say(",".join(head), end="\r\n")
        say(",".join(row.values), end="\r\n", flush=flush)


def _sentence(row: Row) -> str:
    """`2026-03-01 12:00:00  face 3  happy     87 %  (neutral 9 %)  dark`."""
    values = row.as_dict()
    stamp = row.time.strftime("%Y-%m-%d %H:%M:%S")
    if row.face is None:
        return f"{stamp}  {values['note'] or values['emotion']}"
    chances = {name[2:]: _share(p) for name, p in values.items() if name.startswith("p_")}
    emotion = values["emotion"]
    others = {name: share for name, share in chances.items() if name != emotion}
    second = max(others, key=lambda name: others[name], default=None)
    beside = f"({second} {others[second]:.0%})" if second else ""
    sure = _share(values["confidence"])
    told = f"{stamp}  face {row.face:<4} {emotion:<9} {sure:>4.0%}  {beside:<16}"
    return f"{told} {values['note']}".rstrip()


def _share(text: str) -> float:
    """The number, 0 where a damaged card made it something else."""
    try:
        return float(text)
    except ValueError:
        return 0.0
