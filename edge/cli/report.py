"""`fer-edge report`: the diary as a page with pictures."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from edge.alerts.trend import RECENT_DAYS, USUAL_DAYS
from edge.cli.arguments import ConfigUse
from edge.cli.log import readable, where
from edge.cli.output import say
from edge.config.schema import Config
from edge.errors import ModelError

if TYPE_CHECKING:
    from edge.expressions.model_card import ModelCard
    from edge.report.figures import Figures

HELP = "write the diary as a page with pictures"
CONFIG_USE = ConfigUse.REQUIRED
_MOST_DAYS = 3660


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = (
        "The page needs no network and has no script. Today is in it, but what is usual and the"
        " last 7 days are about days that are over."
    )
    parser.add_argument(
        "--days", type=_days, default=30, metavar="N", help="how many, until today (30)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("report.html"), metavar="FILE", help="report.html"
    )
    parser.add_argument(
        "--png", action="store_true", help="also the pictures, as FILE-negative.png and so on"
    )


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {_MOST_DAYS}")
    return int(text)


def execute(config: Config, options: argparse.Namespace) -> int:
    """Write the page, and say where."""
    from edge.report import accuracy, drawing, page, writing  # noqa: PLC0415
    from edge.report.charts import charts  # noqa: PLC0415
    from edge.report.framing import BROAD_PX  # noqa: PLC0415

    drawing.require("fer-edge report")
    now = datetime.now().astimezone()
    card = _card(config)
    figures = _figures(config, card, options.days, now)
    found = accuracy.of_card(card) if card else accuracy.Accuracy(None, None, ())
    html = page.page(figures, found, _model(config, figures), now)
    files = {options.out: html.encode()}
    if options.png:
        stem = options.out.with_suffix("")
        for name, spec in charts(figures, BROAD_PX):
            files[stem.with_name(f"{stem.name}-{name}.png")] = drawing.png(spec)
    writing.write(files, "--out")
    for path in files:
        say(str(path))
    return 0


def _figures(config: Config, card: ModelCard | None, days: int, now: datetime) -> Figures:
    from edge.diary.hours import hours  # noqa: PLC0415
    from edge.report.figures import collect  # noqa: PLC0415

    back = max(days, RECENT_DAYS + USUAL_DAYS + 1)
    begin = datetime.combine(now.date() - timedelta(days=back), datetime.min.time())
    directory = where(config)
    with readable(directory):
        found = hours(directory, begin.astimezone())
    return collect(
        found,
        now.date(),
        days=days,
        device=config.device_name,
        labels=card.labels if card else (),
        min_minutes=config.trend.min_minutes,
    )


def _card(config: Config) -> ModelCard | None:
    """Return the model's card; the diary can be read without."""
    from edge.expressions.model_card import read_card  # noqa: PLC0415

    try:
        return read_card(config.model.path)
    except ModelError as error:
        print(f"fer-edge: {error}; the report says nothing of its accuracy", file=sys.stderr)
        return None


def _model(config: Config, figures: Figures) -> str:
    """Return what read the expressions: the configured file, the diary's digests."""
    digests = ", ".join(model[:8] for model in figures.total.models)
    return f"model {config.model.path.name}" + (f" ({digests})" if digests else "")
