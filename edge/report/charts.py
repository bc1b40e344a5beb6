"""The pictures of a report, described in Vega-Lite (https://vega.github.io/vega-lite/). Pure.

Days lie side by side as bands, so a column means the same day in every picture. Colours are names
(see `edge.report.colours`), which the page turns into those of its own light or dark theme.
"""

from __future__ import annotations

from typing import NamedTuple

from edge.config.alerts import NEGATIVE
from edge.report.colours import color, expression
from edge.report.figures import Cell, Figures
from edge.report.framing import FEW_DAYS, PERCENT, Spec, days_axis, framed, squares

#: Upper ends of the raster's steps, a share each.
STEPS = (0.1, 0.2, 0.3, 0.4, 0.5)
NOBODY, PAUSED = "nobody in view", "paused"


class Chart(NamedTuple):
    """A picture: the `name` of its file, and what it shows."""

    name: str
    spec: Spec


def charts(figures: Figures, width_px: int) -> list[Chart]:
    """Return all pictures, each `width_px` wide."""
    return [
        Chart(name, framed(spec, width_px))
        for name, spec in (
            ("negative", negative(figures, width_px)),
            ("raster", raster(figures, width_px)),
            ("expressions", expressions(figures, width_px)),
            ("in-view", in_view(figures, width_px)),
        )
    ]


def negative(figures: Figures, width_px: int) -> Spec:
    """Return the negative share day by day, the usual range and alerts, with gaps."""
    shares = {d: x.negative if figures.counts(d) else None for d, x in figures.days.items()}
    rows = [{"day": day.isoformat(), "share": share} for day, share in shares.items()]
    alerts = [{"day": day.isoformat()} for day, span in figures.days.items() if span.alerts]
    highest = max(share or 0.0 for share in shares.values())
    x, usual = days_axis(figures.days, width_px), figures.week.usual
    y = {
        "field": "share",
        "type": "quantitative",
        "axis": PERCENT,
        "scale": {"domain": [0, min(1.0, 1.15 * max(highest, usual.high if usual else 0.0, 0.2))]},
    }
    point = {"size": 30 if len(rows) <= FEW_DAYS else 8, "fill": color("negative"), "opacity": 1}
    line: Spec = {
        "data": {"values": rows},
        "mark": {"type": "line", "stroke": color("negative"), "strokeWidth": 1.75, "point": point},
        "encoding": {"x": x, "y": y},
    }
    marks: Spec = {
        "data": {"values": alerts},
        "mark": {"type": "point", "shape": "triangle-down", "filled": True, "opacity": 1}
        | {"size": 70, "fill": color("ink")},
        "encoding": {"x": x, "y": {"value": 7}},
    }
    layers = [line, *([marks] if alerts else []), *_new_models(figures, x)]
    if usual is not None:
        edges = [{"low": usual.low, "high": usual.high}]
        ends = {
            "y": {"field": "low", "type": "quantitative"},
            "y2": {"field": "high"},
        }
        band = {"type": "rect", "fill": color("band"), "opacity": 1}
        layers.insert(0, {"data": {"values": edges}, "mark": band, "encoding": ends})
    return {"height": 150, "layer": layers}


def raster(figures: Figures, width_px: int) -> Spec:
    """Return a column for each day, a row for each hour; blank where nobody watched."""
    steps = [*_step_names(), NOBODY]
    if any(cell.span.paused_s for cell in figures.cells):
        steps.append(PAUSED)
    rows = [
        {"day": cell.day.isoformat(), "hour": cell.hour, "step": _step(cell)}
        for cell in figures.cells
        if cell.span.watched_s or cell.span.readings or cell.span.paused_s
    ]
    heat = [color(f"heat{number}") for number in range(len(STEPS) + 1)]
    colours = [*heat, color("nobody"), color("paused")][: len(steps)]
    hours = {
        "field": "hour",
        "type": "ordinal",
        "scale": {"domain": list(range(24)), "paddingInner": 0.06},
        "axis": {"values": [0, 6, 12, 18, 23], "labelExpr": "datum.value + ' h'", "grid": False},
    }
    columns = 3 if width_px < 500 else 4 if PAUSED in steps else 7
    return {
        "height": 216,
        "data": {"values": rows},
        "mark": {"type": "rect"},
        "encoding": {
            "x": days_axis(figures.days, width_px, gap=0.06),
            "y": hours,
            "fill": {
                "field": "step",
                "type": "nominal",
                "scale": {"domain": steps, "range": colours},
                "legend": squares(columns),
            },
        },
    }


def expressions(figures: Figures, width_px: int) -> Spec:
    """Return all expressions of each day as shares of its readings."""
    stacked = sorted(figures.labels, key=_place)
    rows = [
        {"day": day.isoformat(), "label": label, "share": span.share(label), "order": order}
        for day, span in figures.days.items()
        for order, label in enumerate(stacked)
        if span.share(label)
    ]
    colours = [color(expression(label)) for label in stacked]
    scale = {"domain": stacked, "range": colours}
    legend = squares(8 if width_px > 500 else 4)
    stack = {
        "field": "share",
        "type": "quantitative",
        "stack": "zero",
        "axis": PERCENT,
        "scale": {"domain": [0, 1]},
    }
    return {
        "height": 150,
        "data": {"values": rows},
        "mark": {"type": "bar"},
        "encoding": {
            "x": days_axis(figures.days, width_px, gap=0.12),
            "y": stack,
            "fill": {"field": "label", "type": "nominal", "scale": scale, "legend": legend},
            "order": {"field": "order"},
        },
    }


def in_view(figures: Figures, width_px: int) -> Spec:
    """Return the hours a day with somebody in view, before those watched."""
    layers = []
    most = max((span.watched_s / 3600 for span in figures.days.values()), default=0.0)
    axis = {"labelExpr": "datum.value + ' h'", "tickCount": 4, "tickMinStep": 1}
    for colour, seconds in (
        ("nobody", {day: span.watched_s for day, span in figures.days.items()}),
        ("hours", {day: span.face_s for day, span in figures.days.items()}),
    ):
        rows = [{"day": day.isoformat(), "hours": s / 3600} for day, s in seconds.items() if s]
        y = {
            "field": "hours",
            "type": "quantitative",
            "axis": axis | ({"values": [0, 6, 12, 18, 24]} if most > 12 else {}),
        }
        layers.append(
            {
                "data": {"values": rows},
                "mark": {"type": "bar", "fill": color(colour)},
                "encoding": {"x": days_axis(figures.days, width_px, gap=0.12), "y": y},
            }
        )
    return {"height": 90, "layer": layers}


def _place(label: str) -> int:
    """Return a label's place in a bar: negative ones below, neutral on top."""
    return 0 if label in NEGATIVE else 2 if label == "neutral" else 1


def _new_models(figures: Figures, x: Spec) -> list[Spec]:
    """Return a line at every day on which another model began to read."""
    days, before = [], ""
    for day, span in figures.days.items():
        for model in span.models:
            if before and model != before:
                days.append({"day": day.isoformat()})
            before = model
    rule = {"type": "rule", "stroke": color("soft"), "strokeDash": [3, 3]}
    return [{"data": {"values": days}, "mark": rule, "encoding": {"x": x}}] if days else []


def _step_names() -> list[str]:
    lows = (0.0, *STEPS)
    names = [f"{low:.0%} to {high:.0%}" for low, high in zip(lows, STEPS, strict=False)]
    return [name.replace("% to", " to") for name in names] + [f"over {STEPS[-1]:.0%}"]


def _step(cell: Cell) -> str:
    share = cell.span.negative
    if share is None:
        return PAUSED if cell.span.paused_s > cell.span.watched_s else NOBODY
    return _step_names()[sum(share > step for step in STEPS)]
