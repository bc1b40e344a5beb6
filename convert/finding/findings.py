"""What nobody wrote down about a model, how sure it is, and whether what the user says fits."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convert import labels, normalisation
from convert.faces.synthetic_faces import varied_faces
from convert.finding import evidence, probe
from convert.finding.evidence import CENTRED, LEADS, MEAN_TAKEN, STANDARDISED, UNCLEAR, Verdict
from convert.finding.probe import Leanings
from convert.float_model import FloatModel
from convert.normalisation import NAMED, Normalisation
from convert.request import Request
from convert.training.stamp import labels_of
from edge.errors import RefusedFile, UsageError


class Unclear(UsageError):
    """Something must be said by the user; `findings` is what is known."""

    def __init__(self, message: str, findings: dict[str, Any]) -> None:
        super().__init__(message)
        self.findings = findings


@dataclass(frozen=True)
class Findings:
    """How the model wants its pixels, what its classes are called, and how that is known."""

    normalisation: Normalisation
    input_range: str
    names: tuple[str, ...]
    label_order: str
    known: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the card and in `--json`."""
        return {
            "label_order": self.label_order,
            "input_range": self.input_range,
            "input_range_value": self.normalisation.value,
            **self.known,
        }


def find_out(model: FloatModel, request: Request) -> Findings:
    """What the user says, completed by what the model shows.

    Raises `Unclear` where neither tells.
    """
    stated_range, ways = _stated_range(model, request), _ways(model)
    stated_names = labels.parse(request.labels, model.classes) if request.labels else None
    witness = functools.cache(lambda name, draw: probe.leanings(model, ways[name], draw))
    scale = evidence.input_range(model, ways, witness)
    if stated_range:
        seen = probe.leanings(model, stated_range, varied_faces)
    else:
        seen = witness(scale.answer, varied_faces)
    order = _stamped(request, model.classes) or evidence.label_order(seen)
    known = {
        "evidence": {
            "input_range": {"from": scale.source, "clear": scale.clear, **scale.scores},
            "label_order": {"from": order.source, "clear": order.clear, **order.scores},
        },
        "notes": [
            scale.line("input range"),
            order.line("label order"),
            *_advice(scale, stated_range),
        ],
        "warnings": [
            *_range_contradicted(stated_range, scale, ways),
            *_order_contradicted(stated_names, order, seen),
        ],
    }
    wanting = [] if stated_range or scale.clear else [("--input-range", scale.line("input range"))]
    if not (stated_names or order.clear):
        wanting.append(("--labels", order.line("label order")))
    if wanting:
        raise Unclear(_asking(wanting), _unclear(stated_range, stated_names, scale, order) | known)
    return Findings(
        stated_range or ways[scale.answer],
        "given" if stated_range else _range_name(scale.answer),
        stated_names or order.names,
        "given" if stated_names else order.answer,
        known,
    )


def _stated_range(model: FloatModel, request: Request) -> Normalisation | None:
    """What the user says of the pixels; raises `UsageError` where it does not fit the model."""
    if not request.input_range:
        return None
    stated = normalisation.parse(request.input_range)
    if not stated.fits(model.input_shape):
        size = "x".join(map(str, model.input_shape[1:]))
        raise UsageError(f"--input-range {stated.value}: does not fit pictures of {size}")
    return stated


def _ways(model: FloatModel) -> dict[str, Normalisation]:
    """The ways of normalising that the model may have been trained with, by name."""
    ways = {**NAMED, STANDARDISED.value: STANDARDISED, CENTRED.value: CENTRED}
    if model.input_shape[3] == 3:
        ways[MEAN_TAKEN.value] = MEAN_TAKEN
    return ways


def _stamped(request: Request, classes: int) -> Verdict | None:
    """The order of the classes that fer-train wrote into the file; None where it did not."""
    names = labels_of(Path(request.source))
    if names is None:
        return None
    if len(names) != classes:
        raise RefusedFile(f"{request.source}: names {len(names)} classes, answers {classes}")
    kinds = [kind for kind in ("fer", "alphabetical") if labels.known(kind, classes) == names]
    return Verdict(kinds[0] if kinds else "given", "the file, fer-train wrote it", True, {}, names)


def _advice(scale: Verdict, stated: Normalisation | None) -> list[str]:
    """What a guessed mean and deviation leave to be gained."""
    if stated or scale.answer != STANDARDISED.value:
        return []
    return ["the training data's own mean and deviation are better: --input-range MEAN,STD or .npz"]


def _range_contradicted(
    stated: Normalisation | None, scale: Verdict, ways: dict[str, Normalisation]
) -> list[str]:
    if stated is None or not scale.clear or stated.resembles(ways[scale.answer]):
        return []
    return [f"--input-range {stated.value} contradicts {scale.line('input range')}"]


def _order_contradicted(
    stated: tuple[str, ...] | None, order: Verdict, seen: Leanings
) -> list[str]:
    if stated is None or not order.names or len(probe.cells(stated)) < len(stated) - 1:
        return []
    if seen.likeness(order.names) - seen.likeness(stated) < LEADS:
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


def _asking(wanting: list[tuple[str, str]]) -> str:
    options = " and ".join(option for option, _ in wanting)
    return f"give {options}; {'; '.join(line for _, line in wanting)}"


def _range_name(way: str) -> str:
    return way if way in NAMED else "standardised"
