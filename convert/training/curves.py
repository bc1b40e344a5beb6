"""Draw the learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.report.colours import color
from edge.report.drawing import available, png
from edge.report.framing import Spec, framed

_WIDTH_PX = 420


def draw(history: Sequence[dict[str, float]], best: int, title: str, path: Path) -> bool:
    """Draw loss and accuracy by epoch to the PNG `path`; mark the epoch `best`.

    Return False, without a file, if vl-convert (the extra `report`) is not installed.
    """
    if not available():
        return False
    kept = history[best]["epoch"]
    losses = [
        {"epoch": row["epoch"], "value": row[key], "of": name}
        for row in history
        for key, name in (("loss", "training, augmented"), ("validation_loss", "validation"))
    ]
    accuracies = [
        {"epoch": row["epoch"], "value": row["validation_accuracy"], "of": "validation"}
        for row in history
    ]
    both = [
        _panel(losses, kept, {"title": "loss"}),
        _panel(accuracies, kept, {"title": "accuracy", "format": ".0%"}),
    ]
    spec = framed({"title": title, "hconcat": both}, _WIDTH_PX)
    del spec["width"]  # each panel has its own
    path.write_bytes(png(spec))
    return True


def _panel(rows: list[dict[str, Any]], kept: float, axis: Spec) -> Spec:
    x = {"field": "epoch", "type": "quantitative", "axis": {"title": "epoch", "tickMinStep": 1}}
    y = {"field": "value", "type": "quantitative", "scale": {"zero": False}, "axis": axis}
    colours = {"range": [color("soft"), color("negative")]}
    names = {"field": "of", "type": "nominal", "title": None, "scale": colours}
    dashed = {"type": "rule", "strokeDash": [3, 3], "stroke": color("soft")}
    return {
        "width": _WIDTH_PX,
        "height": 260,
        "layer": [
            {"data": {"values": rows}, "mark": "line"}
            | {"encoding": {"x": x, "y": y, "color": names}},
            {"data": {"values": [{"epoch": kept}]}, "mark": dashed, "encoding": {"x": x}},
        ],
    }
