"""What the pictures have in common: their size, axes, letters. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, TypeAlias

from edge.report.colours import color

Spec: TypeAlias = dict[str, Any]
#: Widths of the pictures: for a page, and for a phone.
BROAD_PX, NARROW_PX = 720, 350
#: Width of the vertical axis, so that the days of all pictures are below each other.
_LEFT_PX = 42
#: With more days there is no room between them.
FEW_DAYS = 60
#: A vertical axis of shares.
PERCENT: Spec = {"format": ".0%", "tickCount": 5}


def days_axis(days: Collection[date], width_px: int, gap: float = 0.0) -> Spec:
    """Return the horizontal axis of all pictures: `days` as bands, with a `gap`."""
    most = max(2, width_px // 90)
    written = "%-d %b" if len(days) <= 200 else "%b %Y"
    return {
        "field": "day",
        "type": "ordinal",
        "scale": {
            "domain": [day.isoformat() for day in days],
            "paddingInner": gap if len(days) <= FEW_DAYS else 0,
        },
        "axis": {
            "values": [day.isoformat() for day in _labelled([*days], most)],
            "labelExpr": f"utcFormat(toDate(datum.value), '{written}')",
        },
    }


def _labelled(days: Sequence[date], most: int) -> Sequence[date]:
    """Return at most `most` of `days`: all, Mondays, or the first days of months."""
    mondays = [day for day in days if day.weekday() == 0]
    firsts = [day for day in days if day.day == 1]
    for chosen in (days, mondays, mondays[::2], firsts, firsts[::2], firsts[::3]):
        if 0 < len(chosen) <= most:
            return chosen
    return days[:: -(-len(days) // most)]


def squares(columns: int) -> Spec:
    """Return a legend of coloured squares."""
    return {"columns": columns, "symbolType": "square", "symbolSize": 140}


def framed(spec: Spec, width_px: int) -> Spec:
    """Return `spec` with what all pictures have in common, about `width_px` wide."""
    axis = {
        "domain": False,
        "ticks": False,
        "title": None,
        "labelColor": color("ink"),
        "labelFontSize": 12,
        "labelPadding": 6,
    }
    legend = {
        "title": None,
        "orient": "top",
        "labelColor": color("ink"),
        "labelFontSize": 12,
        "offset": 10,
        "columnPadding": 14,
    }
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": width_px - _LEFT_PX,
        "autosize": {"type": "pad"},
        "background": None,
        "padding": {"left": 0, "right": 0, "top": 2, "bottom": 6},
        "config": {
            "aria": False,
            "font": "DejaVu Sans, Verdana, sans-serif",
            "view": {"stroke": None},
            "axis": axis,
            "axisX": {"grid": False, "labelAngle": 0, "labelOverlap": True, "labelFlush": False},
            "axisY": {
                "grid": True,
                "gridColor": color("line"),
                "minExtent": _LEFT_PX,
                "maxExtent": _LEFT_PX,
            },
            "legend": legend,
            "mark": {"invalid": "break-paths-filter-domains"},
        },
        **spec,
    }
