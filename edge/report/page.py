"""The report as one page: no script, no request, its pictures inside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from edge import __version__
from edge.notes import DOUBTS
from edge.report import colours, words
from edge.report.accuracy import Accuracy
from edge.report.charts import charts
from edge.report.drawing import svg
from edge.report.figures import Figures
from edge.report.framing import BROAD_PX, NARROW_PX, Spec

if TYPE_CHECKING:
    from markupsafe import Markup

#: Templates that others extend: `base.html`, and macros.
ASSETS = Path(__file__).parent / "assets"


class Picture(NamedTuple):
    """A picture in two widths, and in words."""

    broad: Markup
    narrow: Markup
    alternative: str


def render(template: str, values: Mapping[str, Any], *folders: Path) -> str:
    """Return the page that `template` makes of `values`, as text, never HTML.

    `folders` with further templates come before our own.
    """
    import jinja2  # noqa: PLC0415  # an extra

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, ASSETS]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    themes = {"light": _properties(colours.LIGHT), "dark": _properties(colours.DARK)}
    return environment.get_template(template).render(**themes, **values) + "\n"


def page(figures: Figures, accuracy: Accuracy, model: str, written: datetime) -> str:
    """Return the report as HTML; `model` names what read the expressions."""
    models = {name for span in figures.days.values() for name in span.models}
    values = {
        "figures": figures,
        "accuracy": accuracy,
        "model": model,
        "written": written.strftime("%Y-%m-%d %H:%M"),
        "version": __version__,
        "title": words.title(figures),
        "headline": words.headline(figures),
        "presence": words.presence(figures),
        "usual_days": words.usual_days(),
        "min_minutes": f"{figures.min_s / 60:g}",
        "new_model": len(models) > 1,
        "pictures": pictures(figures) if figures.total.watched_s or figures.total.readings else {},
        "percent": words.percent,
        "doubts": ", ".join(DOUBTS),
        "hours": words.hours,
    }
    return render("report.html", values)


def pictures(figures: Figures) -> dict[str, Picture]:
    """Return the pictures of `figures` by their names."""
    alternatives = words.alternatives(figures)
    both = zip(charts(figures, BROAD_PX), charts(figures, NARROW_PX), strict=True)
    return {
        broad.name: draw(broad.name, broad.spec, narrow.spec, alternatives[broad.name])
        for broad, narrow in both
    }


def draw(name: str, broad: Spec, narrow: Spec, alternative: str) -> Picture:
    """Return a picture, drawn in both widths."""
    from markupsafe import Markup  # noqa: PLC0415  # an extra

    return Picture(Markup(svg(broad, name)), Markup(svg(narrow, f"{name}-narrow")), alternative)


def _properties(theme: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in theme.items())
