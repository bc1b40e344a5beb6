"""What nobody wrote down about a model, how sure it is, and whether what the user says fits."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convert import batchnorm, labels, normalisation, probe
from convert.float_model import FloatModel
from convert.normalisation import NAMED, Normalisation
from convert.probe import Leanings
from convert.request import Request
from convert.synthetic_faces import clear_faces, varied_faces
from edge.errors import UsageError

#: Mean and deviation of FER2013's pixels, and of ImageNet's photographs less their mean alone.
STANDARDISED, MEAN_TAKEN = normalisation.standardised(129, 65), normalisation.standardised(117, 1)
#: A BatchNormalization's divergence in the right range was below 0.04 in all models measured, in
#: the next range 0.98 or more.
NEAR, TIMES_NEARER = 0.3, 5.0
#: Without one, the right range led by 0.54 nats or more in trained models, by 0.1 in barely trained
#: ones; a model that answers the same to everything shows a lead of 0.01.
LIKELIER = 0.15
#: Traces in the right range and order were 0.98 or more, of untrained networks 0.1 or less.
LEANS = 0.4
#: The right kind of order led the other by 0.7 or more.
LEADS = 0.3
#: And of two subsets in the same kind of order, the more usual one must lead by this.
LEADS_SUBSETS = 0.1
#: Where any order at all fits so much better, relatively, than each known one, none is believed.
STRANGE = 0.3
#: Answers outvote what the layers remember only if they are so much likelier.
CONTRADICTS = 1.0
#: With so many classes none was left out.
COMPLETE = 7
#: Disgust is the rarest class and the first that authors leave out, fear the next.
RARE = {"disgust": 0.3, "fear": 0.15}


class Unclear(UsageError):
    """Something must be said by the user; `findings` is what is known."""

    def __init__(self, message: str, findings: dict[str, Any]) -> None:
        super().__init__(message)
        self.findings = findings


@dataclass(frozen=True)
class Verdict:
    """One question's best answer, from what it was found, and the figures behind it."""

    answer: str
    source: str
    clear: bool
    scores: dict[str, float]
    names: tuple[str, ...] = ()

    def line(self, question: str) -> str:
        """For people: `input range: -1..1 (from BatchNorm statistics, clear)`."""
        sure = "clear" if self.clear else "not clear"
        said = f"{self.answer}: {', '.join(self.names)}" if self.names else self.answer
        return f"{question}: {said} (from {self.source}, {sure})"


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
    stated_range = normalisation.parse(request.input_range) if request.input_range else None
    stated_names = labels.parse(request.labels, model.classes) if request.labels else None
    ways = {**NAMED, "standardised": STANDARDISED}
    if model.input_shape[3] == 3:
        ways["mean taken"] = MEAN_TAKEN
    witness = functools.cache(lambda name: probe.leanings(model, ways[name], varied_faces))
    scale = _range(model, ways, witness, stated_names)
    seen = probe.leanings(model, stated_range or ways[scale.answer], clear_faces)
    order = _order(seen, model.classes)
    known = {
        "evidence": {
            "input_range": {"from": scale.source, "clear": scale.clear, **scale.scores},
            "label_order": {"from": order.source, "clear": order.clear, **order.scores},
        },
        "notes": [scale.line("input range"), order.line("label order")],
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


def _range(
    model: FloatModel,
    ways: dict[str, Normalisation],
    witness: Callable[[str], Leanings],
    stated: tuple[str, ...] | None,
) -> Verdict:
    """Which of `ways` the model was trained with."""
    answers = _likelihoods(model, ways, witness, stated)
    if model.network is not None and batchnorm.scales_inside(model.network):
        direct = Verdict("0..255", "a Rescaling inside the model", True, {})
    else:
        apart = batchnorm.divergences(model, ways)
        if not apart:
            return answers
        first, second, *_ = sorted(apart.values())
        near = first < NEAR and second > TIMES_NEARER * first
        best = min(apart, key=apart.__getitem__)
        direct = Verdict(best, "BatchNorm statistics", near, _rounded(apart))
    if not answers.clear or answers.answer == direct.answer:
        return direct
    if answers.scores[answers.answer] - answers.scores[direct.answer] < CONTRADICTS:
        return direct
    # A backbone that was trained elsewhere and frozen remembers other pixels than it was fed here.
    return replace(
        direct,
        source=f"{direct.source}, but answers to synthetic faces say {answers.answer}",
        clear=False,
        scores={**direct.scores, **{f"answers {k}": v for k, v in answers.scores.items()}},
    )


def _likelihoods(
    model: FloatModel,
    ways: dict[str, Normalisation],
    witness: Callable[[str], Leanings],
    stated: tuple[str, ...] | None,
) -> Verdict:
    """In which range the intended class is the likeliest answer to clear synthetic faces."""
    namings = [stated] if stated else [names for _, names in probe.candidates(model.classes)]
    namings = [names for names in namings if probe.cells(names)]
    if not namings:
        return Verdict("0..1", "nothing", False, {})
    scores = {way: max(witness(way).likelihood(names) for names in namings) for way in ways}
    second, first = sorted(scores.values())[-2:]
    best = max(scores, key=scores.__getitem__)
    reacts = max(witness(best).trace(names) for names in namings) >= LEANS
    clear = reacts and first - second >= LIKELIER
    return Verdict(best, "answers to synthetic faces", clear, _rounded(scores))


def _order(seen: Leanings, classes: int) -> Verdict:
    """In which known order the classes are."""
    source = "answers to synthetic faces"
    traces = {}
    for kind, names in probe.candidates(classes):
        rare = sum(RARE.get(name, 0.0) for name in names) if classes < COMPLETE else 0.0
        traces[kind, names] = seen.trace(names) - rare
    if not traces:
        return Verdict("unclear", source, False, {})
    (kind, names), *others = sorted(traces, key=traces.__getitem__, reverse=True)
    best = traces[kind, names]
    other_kinds = [trace for (other, _), trace in traces.items() if other != kind]
    scores = {kind: best, "next": traces[others[0]] if others else -np.inf}
    clear = best >= LEANS and best - max(other_kinds, default=-np.inf) >= LEADS
    clear = clear and best - scores["next"] >= LEADS_SUBSETS
    if classes <= COMPLETE:
        freely, trace = probe.freely_named(seen, classes)
        scores["any order"] = trace
        if trace - seen.trace(names) > STRANGE * trace:
            # No order that we know, but the faces have one.
            return Verdict("unclear", source, False, _rounded(scores), freely)
    return Verdict(kind, source, clear, _rounded(scores), names)


def _range_contradicted(
    stated: Normalisation | None, scale: Verdict, ways: dict[str, Normalisation]
) -> list[str]:
    if stated is None or not scale.clear or stated.resembles(ways[scale.answer]):
        return []
    return [f"--input-range {stated.value} contradicts {scale.line('input range')}"]


def _order_contradicted(
    stated: tuple[str, ...] | None, order: Verdict, seen: Leanings
) -> list[str]:
    if stated is None or not order.clear or stated == order.names or not probe.cells(stated):
        return []
    if seen.trace(order.names) - seen.trace(stated) < LEADS:
        return []
    return [f"--labels {','.join(stated)} contradicts {order.line('label order')}"]


def _unclear(
    stated_range: Normalisation | None,
    stated_names: tuple[str, ...] | None,
    scale: Verdict,
    order: Verdict,
) -> dict[str, Any]:
    found = _range_name(scale.answer) if scale.clear else "unclear"
    named = order.answer if order.clear else "unclear"
    return {
        "input_range": "given" if stated_range else found,
        "input_range_value": stated_range.value if stated_range else None,
        "label_order": "given" if stated_names else named,
        "labels": list(stated_names or (order.names if order.clear else ())),
    }


def _asking(wanting: list[tuple[str, str]]) -> str:
    options = " and ".join(option for option, _ in wanting)
    return f"give {options}; {'; '.join(line for _, line in wanting)}"


def _range_name(way: str) -> str:
    return way if way in NAMED else "standardised"


def _rounded(scores: dict[str, float]) -> dict[str, float]:
    return {name: round(float(score), 3) for name, score in scores.items()}
