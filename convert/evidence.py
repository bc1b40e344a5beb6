"""The evidence for a model's input range and for the order of its classes, weighed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from convert import batchnorm, normalisation, probe
from convert.float_model import FloatModel
from convert.normalisation import Normalisation
from convert.probe import Leanings

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


def input_range(
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
    if not direct.clear and answers.clear:
        return answers
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
    namings = [names for _, names in probe.candidates(model.classes)]
    namings += [stated] if stated else []
    namings = [names for names in namings if probe.cells(names)]
    if not namings:
        return Verdict("0..1", "nothing", False, {})
    scores = {way: max(witness(way).likelihood(names) for names in namings) for way in ways}
    second, first = sorted(scores.values())[-2:]
    best = max(scores, key=scores.__getitem__)
    reacts = max(witness(best).trace(names) for names in namings) >= LEANS
    clear = reacts and first - second >= LIKELIER
    return Verdict(best, "answers to synthetic faces", clear, _rounded(scores))


def label_order(seen: Leanings, classes: int) -> Verdict:
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


def _rounded(scores: dict[str, float]) -> dict[str, float]:
    return {name: round(float(score), 3) for name, score in scores.items()}
