"""Infer input range and label order, and check the user's options against them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convert import labels, normalisation
from convert.faces.synthetic import varied_faces
from convert.inspection.evidence import (
    CENTRED,
    MEAN_TAKEN,
    MIN_LEAD,
    STANDARDISED,
    UNCLEAR,
    Verdict,
)
from convert.inspection.input_range import input_range
from convert.inspection.label_order import label_order
from convert.inspection.responses import Responses, cells, responses
from convert.loading.float_model import FloatModel
from convert.loading.training_record import recorded_labels
from convert.normalisation import NAMED, Normalisation
from convert.request import Request
from edge.errors import RefusedFile, UsageError


class Unclear(UsageError):
    """The user must supply an option; `findings` is what is known."""

    def __init__(self, message: str, findings: dict[str, Any]) -> None:
        super().__init__(message)
        self.findings = findings


@dataclass(frozen=True)
class Findings:
    """How the model expects its pixels, its classes, and how that is known."""

    normalisation: Normalisation
    input_range: str
    names: tuple[str, ...]
    label_order: str
    known: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the findings as they appear in the card and in `--json`."""
        return {
            "label_order": self.label_order,
            "input_range": self.input_range,
            "input_range_value": self.normalisation.value,
            **self.known,
        }


def find_out(model: FloatModel, request: Request) -> Findings:
    """Return the user's options, completed by evidence from the model.

    Raises `Unclear` if both leave a question open.
    """
    stated_range, candidates = _stated_range(model, request), _candidates(model)
    stated_names = labels.parse(request.labels, model.classes) if request.labels else None
    respond = functools.cache(lambda name, draw: responses(model, candidates[name], draw))
    scale = input_range(model, candidates, respond)
    if stated_range:
        seen = responses(model, stated_range, varied_faces)
    else:
        seen = respond(scale.answer, varied_faces)
    order = _recorded(request, model.classes) or label_order(seen)
    known = {
        "evidence": {
            "input_range": {"from": scale.source, "clear": scale.clear, **scale.scores},
            "label_order": {"from": order.source, "clear": order.clear, **order.scores},
        },
        "notes": [
            scale.line("input range"),
            order.line("label order"),
            *_hints(scale, stated_range),
        ],
        "warnings": [
            *_range_contradicted(stated_range, scale, candidates),
            *_order_contradicted(stated_names, order, seen),
        ],
    }
    missing = [] if stated_range or scale.clear else [("--input-range", scale.line("input range"))]
    if not (stated_names or order.clear):
        missing.append(("--labels", order.line("label order")))
    if missing:
        unclear = _unclear(stated_range, stated_names, scale, order)
        raise Unclear(_question(missing), unclear | known)
    return Findings(
        stated_range or candidates[scale.answer],
        "given" if stated_range else _range_name(scale.answer),
        stated_names or order.names,
        "given" if stated_names else order.answer,
        known,
    )


def _stated_range(model: FloatModel, request: Request) -> Normalisation | None:
    """Return the range that the user states.

    Raises `UsageError` where it does not fit the model.
    """
    if not request.input_range:
        return None
    stated = normalisation.parse(request.input_range)
    if not stated.fits(model.input_shape):
        size = "x".join(map(str, model.input_shape[1:]))
        raise UsageError(f"--input-range {stated.value}: does not fit pictures of {size}")
    return stated


def _candidates(model: FloatModel) -> dict[str, Normalisation]:
    """Return the normalisations that the model may have been trained with, by name."""
    candidates = {**NAMED, STANDARDISED.value: STANDARDISED, CENTRED.value: CENTRED}
    if model.input_shape[3] == 3:
        candidates[MEAN_TAKEN.value] = MEAN_TAKEN
    return candidates


def _recorded(request: Request, classes: int) -> Verdict | None:
    """Return the classes that fer-train recorded in the file, else None."""
    names = recorded_labels(Path(request.source))
    if names is None:
        return None
    if len(names) != classes:
        raise RefusedFile(f"{request.source}: records {len(names)} classes, but outputs {classes}")
    kinds = [kind for kind in ("fer", "alphabetical") if labels.known_order(kind, classes) == names]
    answer = kinds[0] if kinds else "given"
    return Verdict(answer, "fer-train's record in the file", True, {}, names)


def _hints(scale: Verdict, stated: Normalisation | None) -> list[str]:
    """Return a hint if the mean and deviation are only a guess."""
    if stated or scale.answer != STANDARDISED.value:
        return []
    return ["the training data's own mean and deviation are better: --input-range MEAN,STD or .npz"]


def _range_contradicted(
    stated: Normalisation | None, scale: Verdict, candidates: dict[str, Normalisation]
) -> list[str]:
    if stated is None or not scale.clear or stated.resembles(candidates[scale.answer]):
        return []
    return [f"--input-range {stated.value} contradicts {scale.line('input range')}"]


def _order_contradicted(
    stated: tuple[str, ...] | None, order: Verdict, seen: Responses
) -> list[str]:
    if stated is None or not order.names or len(cells(stated)) < len(stated) - 1:
        return []
    if seen.correlation(order.names) - seen.correlation(stated) < MIN_LEAD:
        return []
    return [f"--labels {','.join(stated)} contradicts {order.line('label order')}"]


def _unclear(
    stated_range: Normalisation | None,
    stated_names: tuple[str, ...] | None,
    scale: Verdict,
    order: Verdict,
) -> dict[str, Any]:
    found = _range_name(scale.answer) if scale.clear else UNCLEAR
    value = stated_range.value if stated_range else scale.answer if scale.clear else None
    named = order.answer if order.clear else UNCLEAR
    return {
        "input_range": "given" if stated_range else found,
        "input_range_value": value,
        "label_order": "given" if stated_names else named,
        "labels": list(stated_names or (order.names if order.clear else ())),
    }


def _question(missing: list[tuple[str, str]]) -> str:
    options = " and ".join(option for option, _ in missing)
    return f"give {options}; {'; '.join(line for _, line in missing)}"


def _range_name(name: str) -> str:
    return name if name in NAMED else "standardised"
