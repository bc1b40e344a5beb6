"""Write a page that shows what a conversion did to a model, and the same as JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from convert.agreement import agreement
from convert.pipeline.verify import Verification
from convert.quantizing.layer_errors import LayerError
from edge.records import ByteArray
from edge.report.colours import color
from edge.report.framing import BROAD_PX, NARROW_PX, Spec, framed
from edge.report.page import Picture, draw, render

EXAMPLES = 24
ASSETS = Path(__file__).parent.parent / "assets"
_MEASURES = {"precision": "precision", "recall": "recall", "f1": "F1"}


class Example(NamedTuple):
    """A face, as a `data:` URL, that int8 answers differently from float."""

    picture: str
    truth: str
    before: str
    after: str


def write(
    folder: Path, card: dict[str, Any], verification: Verification, layers: Sequence[LayerError]
) -> None:
    """Write `report.html` and `report.json` to `folder`, which must exist.

    Faces are only shown if they are the user's own.
    """
    errors = [error._asdict() for error in layers]
    (folder / "report.json").write_text(json.dumps({**card, "layers": errors}, indent=2) + "\n")
    examples, changed = _examples(card["labels"], verification)
    found = f"the {len(examples)} most confident of {changed}"
    values = {
        "card": card,
        "evaluation": card.get("evaluation", {}),
        "measures": _MEASURES,
        "facts": _facts(card),
        "layers": layers,
        "layer_picture": _layer_picture(card, layers) if layers else None,
        "examples": examples,
        "shown": found if changed > len(examples) else "all of them",
    }
    page = render("conversion.html", values, ASSETS)
    (folder / "report.html").write_text(page, encoding="utf-8")


def _facts(card: dict[str, Any]) -> dict[str, str]:
    compared, value = card["compared"], card["input_range_value"]
    facts = {
        "classes": ", ".join(card["labels"]),
        "input": "x".join(map(str, card["input_shape"][1:])),
        "input range": card["input_range"]
        + (f" ({value})" if value != card["input_range"] else ""),
        "label order": card["label_order"],
        "calibrated with": card["calibration"],
        "compared on": f"{compared['faces']} faces ({compared['on']})",
        "same answer": agreement(compared),
    }
    if floats := card.get("mixed"):
        facts["in float"] = f"{floats['in_float']} of {floats['operators']} operators"
    return facts


def _layer_picture(card: dict[str, Any], layers: Sequence[LayerError]) -> Picture:
    """Return a bar for each layer's relative error."""
    worst = card.get("worst_layer", {}).get("name")
    most = max(layers, key=lambda layer: layer.error)
    alternative = (
        f"Bars of the errors of {len(layers)} layers; the largest is {most.error:.1%} in"
        f" {most.layer}. The table below has each."
    )
    return draw(
        "layers",
        framed(_bars(layers, worst, 180), BROAD_PX),
        framed(_bars(layers, worst, 110), NARROW_PX),
        alternative,
    )


def _bars(layers: Sequence[LayerError], worst: str | None, names_px: int) -> Spec:
    rows = [
        {
            "layer": f"{number} {layer.layer}",
            "error": layer.error,
            "kind": "worst" if layer.layer == worst else "other",
        }
        for number, layer in enumerate(layers, 1)
    ]
    names = {"labelLimit": names_px, "minExtent": names_px, "maxExtent": names_px, "grid": False}
    kinds = {"domain": ["other", "worst"], "range": [color("link"), color("worst")]}
    return {
        "height": {"step": 18},
        "data": {"values": rows},
        "mark": {"type": "bar"},
        "encoding": {
            "y": {"field": "layer", "type": "nominal", "sort": None, "axis": names},
            "x": {
                "field": "error",
                "type": "quantitative",
                "axis": {"format": ".0%", "tickCount": 4, "grid": True, "gridColor": color("line")},
            },
            "fill": {"field": "kind", "type": "nominal", "scale": kinds, "legend": None},
        },
    }


def _examples(labels: list[str], verification: Verification) -> tuple[list[Example], int]:
    """Return faces that int8 classifies differently, surest first, and their number."""
    if not verification.faces.truth:
        return [], 0
    before, after = verification.exact.argmax(axis=1), verification.quantized.argmax(axis=1)
    rows = np.flatnonzero(before != after)
    shown = rows[np.argsort(-verification.exact[rows].max(axis=1))][:EXAMPLES]
    examples = [
        Example(
            _picture(verification.faces.pictures[row]),
            verification.faces.truth[row],
            labels[before[row]],
            labels[after[row]],
        )
        for row in shown
    ]
    return examples, len(rows)


def _picture(pixels: ByteArray) -> str:
    _, encoded = cv2.imencode(".png", pixels)
    return "data:image/png;base64," + base64.b64encode(encoded.tobytes()).decode()
