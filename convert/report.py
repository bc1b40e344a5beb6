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
from convert.quantizing.layers import LayerError
from edge.records import ByteArray

EXAMPLES = 24
STYLE = Path(__file__).parent / "assets" / "report.css"


def write(
    folder: Path, card: dict[str, Any], judgement: Judgement, layers: Sequence[LayerError]
) -> None:
    """`report.html` and `report.json` in `folder`, which is there.

    Faces are shown only where they are the user's own.
    """
    errors = [error._asdict() for error in layers]
    (folder / "report.json").write_text(json.dumps({**card, "layers": errors}, indent=2) + "\n")
    hurting = card.get("worst_layer", {}).get("name")
    parts = [_heading(card), *_evaluation(card), _layers(layers, hurting)]
    if judgement.faces.truth:
        parts.append(_changed_minds(card["labels"], judgement))
    body = "\n".join(part for part in parts if part)
    (folder / "report.html").write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_text(card["source"])}'
        '</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE.read_text(encoding='utf-8')}</style>\n{body}\n</html>\n",
        encoding="utf-8",
    )


def _text(value: object) -> str:
    return html.escape(str(value))


def _heading(card: dict[str, Any]) -> str:
    """What one wants to know first, in large figures; then what else is known."""
    compared, scores = card["compared"], card.get("evaluation", {})
    figures = {f"accuracy, {kind}": f"{score['accuracy']:.2%}" for kind, score in scores.items()}
    figures["int8 agrees with float"] = f"{compared['agreement']:.1%}"
    figures["largest difference of a probability"] = f"{compared['largest_difference']:.3f}"
    value = card["input_range_value"]
    facts = {
        "classes": ", ".join(card["labels"]),
        "input": "x".join(map(str, card["input_shape"][1:])),
        "input range": card["input_range"]
        + (f" ({value})" if value != card["input_range"] else ""),
        "label order": card["label_order"],
        "calibrated with": card["calibration"],
        "compared on": f"{compared['faces']} faces ({compared['on']})",
    }
    large = "".join(f"<div><dt>{_text(k)}</dt><dd>{v}</dd></div>" for k, v in figures.items())
    rows = "".join(
        f'<tr><th scope="row">{_text(name)}</th><td>{_text(fact)}</td></tr>'
        for name, fact in facts.items()
    )
    warnings = "".join(f'<p class="warning">{_text(line)}</p>' for line in card["warnings"])
    notes = "".join(f'<p class="soft">{_text(line)}</p>' for line in card["notes"])
    return (
        f'<h1>{_text(card["source"])}</h1>{warnings}<dl class="figures">{large}</dl>'
        f'<div class="wide"><table class="facts">{rows}</table></div>{notes}'
    )


def _evaluation(card: dict[str, Any]) -> list[str]:
    """The figures of each class, and a confusion matrix each for int8 and float."""
    evaluation = card.get("evaluation", {})
    if not evaluation:
        return []
    matrices = "".join(
        f"<section><h3>{kind}: {scores['accuracy']:.2%} of {scores['faces']} faces</h3>"
        f"{_confusion(card['labels'], scores['confusion'])}</section>"
        for kind, scores in evaluation.items()
    )
    return [
        f"<h2>Each class</h2>{_classes(card['labels'], evaluation)}",
        "<h2>What it takes for what</h2>"
        '<p class="soft">A row for each true class: how many of its faces are called what, and the'
        f' share of the row.</p><div class="pair">{matrices}</div>',
    ]


def _classes(labels: list[str], evaluation: dict[str, Any]) -> str:
    """A row for each class, int8's and float's figures side by side."""
    names = {"precision": "precision", "recall": "recall", "f1": "F1"}
    kinds = "".join(f'<th scope="col">{kind}</th>' for kind in evaluation)
    groups = "".join(
        f'<th scope="colgroup" colspan="{len(evaluation)}">{said}</th>' for said in names.values()
    )
    rows = ""
    for label in labels:
        both = [scores["classes"][label] for scores in evaluation.values()]
        cells = "".join(f"<td>{row[name]:.1%}</td>" for name in names for row in both)
        rows += f'<tr><th scope="row">{_text(label)}</th><td>{both[0]["faces"]}</td>{cells}</tr>'
    return (
        '<div class="wide"><table><thead><tr><th class="name" rowspan="2">class</th>'
        f'<th rowspan="2">faces</th>{groups}</tr><tr>{len(names) * kinds}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _confusion(labels: list[str], matrix: list[list[int]]) -> str:
    head = "".join(f'<th scope="col">{_text(label)}</th>' for label in labels)
    rows = ""
    for true, row in enumerate(matrix):
        total = max(1, sum(row))
        cells = "".join(
            f'<td class="{"right" if said == true else "none" if not count else ""}"'
            f' style="--share:{count / total:.3f}">{count}<small>{count / total:.0%}</small></td>'
            for said, count in enumerate(row)
        )
        rows += f'<tr><th scope="row">{_text(labels[true])}</th>{cells}</tr>'
    return (
        '<div class="wide"><table class="confusion"><thead><tr><th class="name">true \\ said</th>'
        f"{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _layers(layers: Sequence[LayerError], hurting: str | None) -> str:
    """A bar for each layer's relative error."""
    if not layers:
        return ""
    most = max(layer.error for layer in layers) or 1.0
    rows = "".join(
        f'<tr{" class=worst" if layer.layer == hurting else ""}><th scope="row">'
        f'{_text(layer.layer)}</th><td class="name operator">{_text(layer.operator)}</td>'
        f'<td class="bar"><i style="width:{80 * layer.error / most:.1f}%"></i>{layer.error:.1%}'
        "</td></tr>"
        for layer in layers
    )
    return (
        "<h2>Error of each layer, int8 against float</h2>"
        '<p class="soft">The root mean square of the difference, as a share of float\'s own values,'
        " in the order of running. The marked layer adds most to what comes before it.</p>"
        f'<table class="layers"><tbody>{rows}</tbody></table>'
    )


def _changed_minds(labels: list[str], judgement: Judgement) -> str:
    """Faces on which the int8 file answers another class than float, the surest first."""
    before, after = judgement.exact.argmax(axis=1), judgement.quantized.argmax(axis=1)
    rows = np.flatnonzero(before != after)
    changed = len(rows)
    rows = rows[np.argsort(-judgement.exact[rows].max(axis=1))][:EXAMPLES]
    figures = "".join(
        f'<figure><img alt="a face of class {_text(judgement.faces.truth[row])}"'
        f' src="{_picture(judgement.faces.pictures[row])}"><figcaption>'
        f"<b>{_text(judgement.faces.truth[row])}</b><br>float: {_text(labels[before[row]])}<br>"
        f"int8: {_text(labels[after[row]])}</figcaption></figure>"
        for row in rows
    )
    if not len(rows):
        return ""
    said = f"the {len(rows)} surest of {changed}" if changed > len(rows) else "all of them"
    return (
        f'<h2>Faces on which it changed its mind</h2><p class="soft">{said}; the true class first'
        f'</p><div class="faces">{figures}</div>'
    )


def _picture(pixels: ByteArray) -> str:
    _, encoded = cv2.imencode(".png", pixels)
    return "data:image/png;base64," + base64.b64encode(encoded.tobytes()).decode()
