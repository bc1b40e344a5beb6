"""Summaries on the terminal, drawn by Rich."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from edge.config.alerts import NEGATIVE
from edge.report.figures import Span
from edge.report.summary import By, Period, Summary
from edge.report.usual import Usual
from edge.report.visits import Visits
from edge.report.words import hours, percent

#: Characters of a bar of 100 %; the width of a line where the output is not a terminal.
_BAR, _WIDTH = 30, 100
#: The longest stretches that are shown.
_STRETCHES = 3
_HEADS = {By.HOUR: "hour", By.DAY: "day", By.WEEK: "week from"}


def drawn(parts: Iterable[RenderableType]) -> str:
    """Return `parts` as text, coloured and as wide as the terminal, if any."""
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else _WIDTH
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=width, highlight=False)
    for part in parts:
        console.print(part)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def summary(found: Summary, by: By) -> list[RenderableType]:
    """Return the total, each expression, the longest stretches, and each period."""
    total = found.total
    watched, seen = hours(total.span.watched_s), hours(total.span.face_s)
    counted = f"{total.span.readings} of {total.readings} readings count"
    parts: list[RenderableType] = [
        f"watched {watched}, somebody in view {seen}; {counted}",
        _negative(total.span, found.usual),
        "",
        _expressions(total.span),
        *_stretches(total),
        "",
    ]
    if found.periods:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for head in (_HEADS[by], "watched", "in view", "negative", "", "alerts"):
            table.add_column(
                head, justify="left" if head in ("", _HEADS[by], "alerts") else "right"
            )
        for period in found.periods:
            table.add_row(*_line(period.name.replace("T", " "), period.span, found.usual))
        parts.append(table)
    return parts


def visits(found: Visits) -> list[RenderableType]:
    """Return a line for each of the longest visits, and how many were shorter."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("face", "from", "in view", "readings", "mostly", "negative", ""):
        table.add_column(head, justify="left" if head in ("", "from", "mostly") else "right")
    for visit in found.longest:
        most = max(visit.counts, key=visit.counts.__getitem__, default="–")
        negative = visit.span.negative
        table.add_row(
            *(str(visit.face), f"{visit.begin:%Y-%m-%d %H:%M:%S}", hours(visit.span.face_s)),
            *(str(visit.readings), most, percent(negative), _bar(negative)),
        )
    shorter = f"{found.shorter:,} shorter visits; fer-edge export has all"
    return [table, shorter] if found.shorter else [table]


def _negative(span: Span, usual: Usual | None) -> str:
    line = f"negative {percent(span.negative)}"
    if usual is not None:
        return f"{line}; usual here is {percent(usual.low)} to {percent(usual.high)} of a day"
    return f"{line}; what is usual here is known after three weeks"


def _expressions(span: Span) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(justify="right")
    for label in sorted(span.counts, key=span.counts.__getitem__, reverse=True):
        share = span.share(label)
        style = "red" if label in NEGATIVE else "green" if label == "happy" else ""
        table.add_row(label, percent(share), Text(_bar(share), style))
    return table


def _stretches(total: Period) -> Iterable[str]:
    longest = sorted(total.longest.items(), key=lambda each: -each[1].seconds)
    if longest:
        yield ""
    for label, (seconds, hour) in longest[:_STRETCHES]:
        length = f"{seconds // 60}:{seconds % 60:02} min"
        yield f"longest {label}: {length}, {hour:%Y-%m-%d} from {hour:%H}:00 to {hour:%H}:59"


def _line(name: str, span: Span, usual: Usual | None) -> tuple[str | Text, ...]:
    above = usual is not None and span.negative is not None and span.negative > usual.high
    alerts = ", ".join(
        alert if times == 1 else f"{alert} {times}×" for alert, times in span.raised.items()
    )
    paused = f"paused {hours(span.paused_s)}" if span.paused_s else ""
    return (
        name,
        hours(span.watched_s),
        hours(span.face_s),
        percent(span.negative),
        Text(_bar(span.negative), "red" if above else ""),
        ", ".join(filter(None, (alerts, paused))),
    )


def _bar(share: float | None) -> str:
    """Return a bar; in ASCII where standard output takes nothing else."""
    encoding = (sys.stdout.encoding or "ascii").lower()
    return ("█" if encoding.startswith("utf") else "#") * round(_BAR * (share or 0))
