"""`fer-edge log`: the diary as text, CSV or JSON."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path

from edge.cli import log_formats
from edge.cli.arguments import ConfigUse, natural, positive
from edge.cli.log_rows import following, last, selection
from edge.cli.moments import in_order, moment
from edge.cli.output import say
from edge.config.paths import own_directory
from edge.config.schema import Config
from edge.diary import layout, reader
from edge.diary.faults import DIRECTORY, Faults
from edge.diary.refusal import place
from edge.diary.schema import Row
from edge.errors import FerEdgeError, UsageError
from edge.labels import canonical
from edge.notes import DOUBTS

HELP = "read the diary"
CONFIG_USE = ConfigUse.REQUIRED
#: Where systemd/fer-edge.service keeps it, which a login shell does not know.
SERVICE = Path("/var/log/fer-edge")
_CLOCK = "rows of a video file are stamped from midnight on, unless it is played with --realtime"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = (
        "WHEN is a duration before now (30m, 2h30m, 7d), a date (2026-03-01, which is its 00:00),"
        f" a time of day (14:30), today or yesterday; {_CLOCK}."
    )
    parser.add_argument("--since", type=moment, metavar="WHEN", help="rows from then on")
    parser.add_argument("--until", type=moment, metavar="WHEN", help="rows before then")
    parser.add_argument("--last", type=positive, metavar="N", help="only the last N of the rows")
    parser.add_argument("--emotion", type=canonical, metavar="NAME", help="such as happy")
    parser.add_argument("--face", type=natural, metavar="N", help="one face: a visit, not a person")
    parser.add_argument(
        "--min-confidence", type=_share, metavar="X", help="0 to 1: rows at least this certain"
    )
    parser.add_argument("--no-doubtful", action="store_true", help=_clear())
    parser.add_argument("--follow", action="store_true", help="keep printing rows as they come")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="one header, columns of all models")
    form.add_argument("--json", action="store_true", help="one JSON object with all rows")


def _clear() -> str:
    return f"only clear readings: not {', '.join(DOUBTS[:-1])} or {DOUBTS[-1]}"


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("must be a number from 0 to 1")
    return share


def where(config: Config) -> Path:
    """Return the diary to read: the configured one, else the user's own, else the service's."""
    own = config.diary.directory
    elsewhere = own != own_directory() or layout.files(own) or not os.path.lexists(SERVICE)
    return own if elsewhere else SERVICE


@contextmanager
def readable(
    directory: Path, *, must_exist: bool = True, key: str = "diary.directory"
) -> Iterator[None]:
    """Raise `FerEdgeError` where there is no diary, or the `with` block cannot read it.

    `key` is where the user has named `directory`.
    """
    try:
        if directory.exists() and not directory.is_dir():
            raise FerEdgeError(f"{key}: {directory} is a file, not a directory")
        if not os.access(directory, os.R_OK | os.X_OK) and os.path.lexists(directory):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(directory))
        current = directory / layout.NAME
        if current.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(current))
        if must_exist and not layout.files(directory) and not any(directory.glob("hours*.csv")):
            raise FerEdgeError(
                f"no diary in {directory} yet; fer-edge run writes it (see diary.directory)"
            )
        yield
    except PermissionError as error:
        raise FerEdgeError(f"{error.filename}: permission denied; try with sudo") from error
    except IsADirectoryError as error:
        raise FerEdgeError(f"{place(error)}: {DIRECTORY}") from error


def execute(config: Config, options: argparse.Namespace) -> int:
    """Print the diary."""
    show(where(config), options)
    return 0


def show(directory: Path, options: argparse.Namespace) -> None:
    """Print the rows of the diary in `directory` that `options` ask for (see `add_arguments`).

    If there are none, standard error says which row is the newest. Raises `FerEdgeError` if
    there is no diary, or it may not be read.
    """
    if options.follow and (options.json or options.until):
        raise UsageError("--follow never ends: use it with --csv, and without --json and --until")
    in_order(options.since, options.until)
    with readable(directory, must_exist=not options.follow):
        _print(directory, options)


def _print(directory: Path, options: argparse.Namespace) -> None:
    selects, faults = selection(options), Faults()

    def read(paths: Iterable[Path], faults: Faults) -> Iterator[Row]:
        return filter(selects, reader.between(paths, options.since, options.until, faults))

    paths = _files(directory, options)
    if options.follow:
        if not layout.files(directory):
            print(f"no diary in {directory} yet; waiting", file=sys.stderr)
        rows = following(directory, options, read, faults)
    elif options.last:
        paths, rows = last(paths, options, read, faults)
    else:
        rows = read(paths, faults)
    first = next(rows, None)  # before the columns: --follow may have waited for the file
    columns: tuple[str, ...] = ()
    if options.follow and first:
        heads = _files(directory, options) if options.since else layout.files(directory)[-2:]
        columns = reader.columns_of(heads, first.header, within=False)
    elif options.csv or options.json:
        columns = reader.columns_of(paths)
    for line in _lines(chain([first] if first else [], rows), columns, options):
        say(line, end="", flush=options.follow)
    if first is None:
        shown = "no rows" if selects is None else "no rows that match"
        print(no_rows(directory, options.since, options.until, shown), file=sys.stderr)


def _files(directory: Path, options: argparse.Namespace) -> list[Path]:
    paths = layout.files(directory)
    return [path for path in paths if reader.in_span(path, options.since, options.until)]


def _lines(
    rows: Iterable[Row], columns: tuple[str, ...], options: argparse.Namespace
) -> Iterator[str]:
    if options.json:
        return log_formats.json_object(rows, columns)
    if options.csv:
        return log_formats.csv(rows, columns)
    return log_formats.text(rows)


def no_rows(
    directory: Path, since: datetime | None, until: datetime | None, shown: str = "no rows"
) -> str:
    """Return `no rows since ...; newest row ...; diary: ...`."""
    for word, when in (("since", since), ("until", until)):
        shown += f" {word} {when:%Y-%m-%d %H:%M:%S}" if when else ""
    newest = reader.newest(layout.files(directory))
    if newest is None:
        return f"{shown}; no row can be read; diary: {directory}"
    of_today = newest.date() == datetime.now().astimezone().date()
    hint = f"; {_CLOCK}" if since and of_today else ""
    return f"{shown}; newest row {newest:%Y-%m-%d %H:%M:%S}; diary: {directory}{hint}"
