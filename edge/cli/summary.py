"""`fer-edge summary`: what the diary says, by hour, day, week or face."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from edge.alerts.trend import RECENT_DAYS, USUAL_DAYS
from edge.cli.arguments import ConfigUse
from edge.cli.log import no_rows, readable, where
from edge.cli.moments import in_order, moment
from edge.cli.output import say
from edge.config.schema import Config
from edge.diary.faults import Faults
from edge.notes import DOUBTS

if TYPE_CHECKING:
    from edge.diary.hour import Hour

HELP = "what the diary says, by hour, day, week or face"
CONFIG_USE = ConfigUse.REQUIRED
#: Days until now, unless told otherwise.
_DAYS = {"hour": 1, "day": 7, "week": 56, "face": 1}
#: How far before today the days lie that say what is usual, and a day to spare.
_USUAL = timedelta(days=RECENT_DAYS + USUAL_DAYS + 1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = (
        "WHEN as for fer-edge log. It counts expressions, not feelings, in readings that are not"
        f" marked {', '.join(DOUBTS)}; a face is a visit, not a person."
    )
    parser.add_argument("--by", choices=tuple(_DAYS), default="day", help="one line each (day)")
    parser.add_argument("--since", type=moment, metavar="WHEN", help="from then on")
    parser.add_argument("--until", type=moment, metavar="WHEN", help="before then")
    parser.add_argument("--json", action="store_true", help="one JSON object for scripts")
    parser.add_argument(
        "--rebuild", action="store_true", help="first bring all rows into the table of hours"
    )


def execute(config: Config, options: argparse.Namespace) -> int:
    """Print the summary."""
    now = datetime.now().astimezone()
    since = options.since or _midnight(now) - timedelta(days=_DAYS[options.by] - 1)
    since, until = since.replace(microsecond=0), options.until
    if until is not None:
        until = until.replace(microsecond=0)
    in_order(since, until)
    directory = where(config)
    with readable(directory):
        faults = _rebuild(directory) if options.rebuild else Faults()
        if options.by == "face":
            found = _by_face(directory, since, until, faults, as_json=options.json)
        else:
            found = _by_time(config, directory, since, until, faults, options)
        if not found:
            print(no_rows(directory, since, until), file=sys.stderr)
    return 0


def _rebuild(directory: Path) -> Faults:
    """Bring all rows into the table; return what is heard of a second reading: nothing."""
    from edge.diary.hours import rebuild  # noqa: PLC0415

    rebuild(directory)
    return Faults(None)


def _by_time(
    config: Config,
    directory: Path,
    since: datetime,
    until: datetime | None,
    faults: Faults,
    options: argparse.Namespace,
) -> bool:
    """Print it; return whether there was anything."""
    from edge.report import summary  # noqa: PLC0415

    by, today = summary.By(options.by), datetime.now().astimezone()
    hours, earlier = _hours(directory, since, until, _midnight(today) - _USUAL, faults)
    usual = summary.usual(earlier, today.date(), config.trend.min_minutes)
    found = summary.Summary(*summary.summarise(hours, by), usual)
    if options.json:
        from edge.report.summary_json import as_object  # noqa: PLC0415

        say(json.dumps(as_object(found)))
    else:
        from edge.report import terminal  # noqa: PLC0415

        say(terminal.drawn(terminal.summary(found, by)), end="")
    return bool(hours)


def _hours(
    directory: Path,
    since: datetime,
    until: datetime | None,
    usual_from: datetime,
    faults: Faults,
) -> tuple[list[Hour], list[Hour]]:
    """Return the hours asked for, and those that say what is usual."""
    from edge.diary.hour_grid import hour_of  # noqa: PLC0415
    from edge.diary.hours import hours  # noqa: PLC0415

    if until is not None:
        asked = hours(directory, since, until, faults)
        return asked, hours(directory, usual_from, faults=Faults(None))
    found = hours(directory, since, faults=faults)
    if since <= usual_from:
        return found, found
    begun = hour_of(since)  # before it, only what is usual is looked for
    before = hours(directory, usual_from, begun, Faults(None)) if usual_from < begun else []
    return found, [*before, *found]


def _by_face(
    directory: Path, since: datetime, until: datetime | None, faults: Faults, *, as_json: bool
) -> bool:
    """Print it; return whether there was anything."""
    from edge.diary import layout, reader  # noqa: PLC0415
    from edge.report.visits import visits  # noqa: PLC0415

    found = visits(reader.between(layout.files(directory), since, until, faults))
    if as_json:
        from edge.report.summary_json import visits_object  # noqa: PLC0415

        say(json.dumps(visits_object(found)))
    else:
        from edge.report import terminal  # noqa: PLC0415

        say(terminal.drawn(terminal.visits(found)), end="")
    return bool(found.longest)


def _midnight(now: datetime) -> datetime:
    return datetime.combine(now.date(), datetime.min.time()).astimezone()
