"""A page that shows what a conversion did to a model, and the same as JSON."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from convert.judge import Judgement
from convert.layers import LayerError
from edge.records import ByteArray

EXAMPLES = 24
_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .6rem;text-align:right}
th{font-weight:600}td.name,th.name{text-align:left}figure{display:inline-block;margin:.5rem}
figure img{width:96px;image-rendering:pixelated}figcaption{font-size:.8rem}
.warning{background:#fff3cd;padding:.5rem 1rem}svg text{font:12px system-ui,sans-serif}"""


def write(
    folder: Path, card: dict[str, Any], judgement: Judgement, layers: Sequence[LayerError]
) -> None:
    """`report.html` and `report.json` in `folder`, which is there.

    Faces are shown only where they are the user's own.
    """
    errors = [error._asdict() for error in layers]
    (folder / "report.json").write_text(json.dumps({**card, "layers": errors}, indent=2) + "\n")
    parts = [_heading(card), *_evaluation(card), _layers(layers)]
    if judgement.faces.truth:
        parts.append(_changed_minds(card["labels"], judgement))
    body = "\n".join(part for part in parts if part)
    (folder / "report.html").write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_text(card["source"])}'
        f"</title><style>{_STYLE}</style>\n{body}\n</html>\n",
        encoding="utf-8",
    )


def _text(value: object) -> str:
    return html.escape(str(value))


def _heading(card: dict[str, Any]) -> str:
    compared = card["compared"]
    facts = {
        "classes": ", ".join(card["labels"]),
        "input": "x".join(map(str, card["input_shape"][1:])),
        "input range": f"{card['input_range']} ({card['input_range_value']})",
        "label order": card["label_order"],
        "calibrated with": card["calibration"],
        "int8 agrees with float": f"{compared['agreement']:.1%} of {compared['faces']} faces",
        "largest difference of a probability": f"{compared['largest_difference']:.3f}",
    }
    rows = "".join(
        f'<tr><td class="name">{_text(name)}</td><td class="name">{_text(fact)}</td></tr>'
        for name, fact in facts.items()
    )
    warnings = "".join(f'<p class="warning">{_text(line)}</p>' for line in card["warnings"])
    notes = "".join(f"<p>{_text(line)}</p>" for line in card["notes"])
    return f"<h1>{_text(card['source'])}</h1>{warnings}<table>{rows}</table>{notes}"


def _evaluation(card: dict[str, Any]) -> list[str]:
    """A table of figures and a confusion matrix each for int8 and float."""
    parts = []
    for kind, scores in card.get("evaluation", {}).items():
        rows = "".join(
            f'<tr><td class="name">{_text(name)}</td><td>{row["precision"]:.1%}</td>'
            f"<td>{row['recall']:.1%}</td><td>{row['f1']:.1%}</td><td>{row['faces']}</td></tr>"
            for name, row in scores["classes"].items()
        )
        parts.append(
            f"<h2>{kind}: accuracy {scores['accuracy']:.2%} of {scores['faces']} faces</h2>"
            '<table><tr><th class="name">class</th><th>precision</th><th>recall</th><th>F1</th>'
            f"<th>faces</th></tr>{rows}</table>{_confusion(card['labels'], scores['confusion'])}"
        )
    return parts


def _confusion(labels: list[str], matrix: list[list[int]]) -> str:
    head = "".join(f"<th>{_text(label)}</th>" for label in labels)
    rows = ""
    for label, row in zip(labels, matrix, strict=True):
        total = max(1, sum(row))
        cells = "".join(
            f'<td style="background:rgba(38,98,174,{count / total:.2f});'
            f'color:{"#fff" if count > total / 2 else "#000"}">{count}</td>'
            for count in row
        )
        rows += f'<tr><th class="name">{_text(label)}</th>{cells}</tr>'
    return f'<table><tr><th class="name">true \\ said</th>{head}</tr>{rows}</table>'


def _layers(layers: Sequence[LayerError]) -> str:
    """A bar for each layer's relative error."""
    if not layers:
        return ""
    most = max(layer.error for layer in layers) or 1.0
    bars = "".join(
        f'<text x="0" y="{20 * row + 14}">{_text(layer.layer)} ({_text(layer.operator)})</text>'
        f'<rect x="320" y="{20 * row + 3}" width="{400 * layer.error / most:.1f}" height="14"'
        f' fill="#2662ae"/><text x="{326 + 400 * layer.error / most:.1f}" y="{20 * row + 14}">'
        f"{layer.error:.1%}</text>"
        for row, layer in enumerate(layers)
    )
    size = f'width="800" height="{20 * len(layers)}"'
    return f"<h2>Error of each layer, int8 against float</h2><svg {size}>{bars}</svg>"


def _changed_minds(labels: list[str], judgement: Judgement) -> str:
    """Faces on which the int8 file answers another class than float, the surest first."""
    before, after = judgement.exact.argmax(axis=1), judgement.quantized.argmax(axis=1)
    rows = np.flatnonzero(before != after)
    rows = rows[np.argsort(-judgement.exact[rows].max(axis=1))][:EXAMPLES]
    figures = "".join(
        f'<figure><img alt="" src="{_picture(judgement.faces.pictures[row])}"><figcaption>'
        f"{_text(judgement.faces.truth[row])}<br>float {_text(labels[before[row]])}<br>"
        f"int8 {_text(labels[after[row]])}</figcaption></figure>"
        for row in rows
    )
    return f"<h2>Faces on which it changed its mind</h2>{figures}" if len(rows) else ""


def _picture(pixels: ByteArray) -> str:
    _, encoded = cv2.imencode(".png", pixels)
    return "data:image/png;base64," + base64.b64encode(encoded.tobytes()).decode()
