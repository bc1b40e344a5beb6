"""Pictures: confusion matrix, reliability diagram, ROC curves; in Vega-Lite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from convert.scoring.metrics import (
    IndexArray,
    confusion,
    expected_calibration_error,
    reliability,
    roc_auc,
    roc_curve,
)
from edge.errors import UsageError
from edge.records import FloatArray
from edge.report import drawing
from edge.report.colours import color
from edge.report.framing import Spec, framed

#: Points of a curve; more are not seen.
_CURVE_POINTS = 300


def write(
    folder: Path, kind: str, answers: FloatArray, truth: IndexArray, labels: tuple[str, ...]
) -> list[Path]:
    """Write the PNGs `<kind>-confusion`, `-reliability` and `-roc` to `folder`.

    `answers` are probabilities `(N, classes)`, `truth` the indices `(N,)` of the true classes.
    Raises `UsageError` if they cannot be written, or without vl-convert.
    """
    drawing.require("--pictures")
    side = max(360, 62 * len(labels))
    specs = {
        "confusion": framed(confusion_matrix(answers, truth, labels), side),
        "reliability": framed(reliability_diagram(answers, truth), 420),
        "roc": framed(roc_curves(answers, truth, labels), 420),
    }
    written = []
    for name, spec in specs.items():
        path = folder / f"{kind}-{name}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(drawing.png(spec))
        except OSError as error:
            raise UsageError(f"--pictures {path}: cannot write it: {error.strerror}") from error
        written.append(path)
    return written


def confusion_matrix(answers: FloatArray, truth: IndexArray, labels: tuple[str, ...]) -> Spec:
    """Return a row for each true class: counts, and their share of the row as colour."""
    matrix = confusion(answers, truth)
    shares = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    rows = [
        {
            "true": labels[row],
            "answer": labels[column],
            "share": float(shares[row, column]),
            "text": [f"{shares[row, column]:.0%}", str(count)],
        }
        for (row, column), count in np.ndenumerate(matrix)
    ]
    true = {"title": "true", "maxExtent": 90, "grid": False}
    cells = {
        "x": _axis("answer", "nominal", sort=None, axis={"title": "answered", "labelAngle": -45}),
        "y": _axis("true", "nominal", sort=None, axis=true),
    }
    scale = {"domain": [0, 1], "range": ["#ffffff", "#1d5ba8"], "interpolate": "rgb"}
    fill = {"field": "share", "type": "quantitative", "scale": scale, "legend": None}
    dark = {"test": "datum.share > 0.5", "value": "#ffffff"}
    text = {"text": {"field": "text"}, "color": {"condition": dark, "value": color("ink")}}
    right = matrix.trace() / max(1, matrix.sum())
    return {
        "title": f"accuracy {right:.2%} of {matrix.sum()} faces",
        "height": 52 * len(labels),
        "data": {"values": rows},
        "layer": [
            {"mark": "rect", "encoding": cells | {"fill": fill}},
            {"mark": {"type": "text", "dy": -6, "lineHeight": 14}, "encoding": cells | text},
        ],
    }


def reliability_diagram(answers: FloatArray, truth: IndexArray) -> Spec:
    """Return accuracy and mean confidence for each step of the confidence."""
    found = reliability(answers, truth)
    bins = len(found.faces)
    rows = [
        {
            "low": at / bins,
            "high": (at + 1) / bins,
            "middle": (at + 0.5) / bins,
            "accuracy": float(found.accuracy[at]),
            "confidence": float(found.confidence[at]),
            "faces": int(faces),
        }
        for at, faces in enumerate(found.faces)
        if faces
    ]
    y = _axis("accuracy", "quantitative", scale={"domain": [0, 1.05]}, axis={"title": "accuracy"})
    x = _axis("middle", "quantitative", scale={"domain": [0, 1]}, axis={"title": "confidence"})
    bars = {"x": x | {"field": "low"}, "x2": {"field": "high"}, "y": y}
    mean = {"x": x | {"field": "confidence"}, "y": y}
    return {
        "title": {
            "text": f"calibration error {expected_calibration_error(answers, truth):.3f}",
            "subtitle": "bars: accuracy, and faces; points: mean confidence; dashed: both equal",
        },
        "height": 380,
        "layer": [
            {"data": {"values": rows}, "mark": {"type": "bar", "fill": color("band")}}
            | {"encoding": bars | {"y2": {"datum": 0}}},
            _diagonal(),
            {"data": {"values": rows}, "mark": {"type": "point", "filled": True, "size": 50}}
            | {"encoding": mean | {"color": {"value": color("negative")}}},
            {"data": {"values": rows}, "mark": {"type": "text", "dy": -8}}
            | {"encoding": {"x": x, "y": y, "text": {"field": "faces"}}},
        ],
    }


def roc_curves(answers: FloatArray, truth: IndexArray, labels: tuple[str, ...]) -> Spec:
    """Return a curve for each class against the rest, with the area below it."""
    areas: list[float] = []
    rows: list[dict[str, Any]] = []
    for column, name in enumerate(labels):
        scores, positive = answers[:, column], truth == column
        if positive.any() and not positive.all():
            areas.append(roc_auc(scores, positive))
            false, true = roc_curve(scores, positive)
            kept = np.unique(np.linspace(0, len(false) - 1, _CURVE_POINTS).astype(int))
            named = f"{name} {areas[-1]:.3f}"
            rows += [
                {"false": float(false[at]), "true": float(true[at]), "class": named} for at in kept
            ]
    mean = f", mean area {np.mean(areas):.3f}" if areas else ""
    curves = {
        "x": _axis("false", "quantitative", axis={"title": "false positive rate"}),
        "y": _axis("true", "quantitative", axis={"title": "true positive rate"}),
        "order": {"field": "true"},
        "color": {"field": "class", "type": "nominal", "sort": None}
        | {"legend": {"orient": "bottom", "columns": 3, "symbolType": "stroke"}},
    }
    mark = {"type": "line", "strokeWidth": 1.5}
    drawn = {"data": {"values": rows}, "mark": mark, "encoding": curves}
    return {
        "title": f"one class against the rest{mean}",
        "height": 380,
        "layer": [_diagonal(), drawn],
    }


def _diagonal() -> Spec:
    ends = [{"at": 0, "same": 0}, {"at": 1, "same": 1}]
    mark = {"type": "line", "strokeDash": [4, 4], "stroke": color("soft"), "strokeWidth": 1}
    place = {"x": _axis("at", "quantitative"), "y": _axis("same", "quantitative")}
    return {"data": {"values": ends}, "mark": mark, "encoding": place}


def _axis(field: str, kind: str, **more: Any) -> Spec:
    return {"field": field, "type": kind, **more}
