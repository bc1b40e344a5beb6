"""The evidence for a model's input range and for the order of its classes, weighed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from convert import batchnorm, labels, normalisation, probe
from convert.float_model import FloatModel
from convert.normalisation import Normalisation
from convert.probe import Drawer, Leanings, Names
from convert.synthetic_faces import clear_faces, varied_faces

#: Mean and deviation of FER2013's pixels, and of ImageNet's photographs less their mean alone.
STANDARDISED, MEAN_TAKEN = normalisation.standardised(129, 65), normalisation.standardised(117, 1)
#: A BatchNormalization's divergence in the right range was below 0.04 in all models measured, in
#: the next range 0.98 or more.
NEAR, TIMES_NEARER = 0.3, 5.0
#: Without one, the right range must lead by so many nats on one kind of faces or the other ...
LIKELIER = 0.15
#: ... and by so many on both.
LIKELIER_IN_EACH = 0.05
#: Of `COMPLETE` classes or more, likeness to our reader under the right names was 0.29 or more ...
LEANS = 0.25
#: ... and of fewer, which chance is likelier to fit, 0.43 or more.
LEANS_FEW = 0.4
#: The right order of the same names led the other known one by 0.14 or more.
LEADS = 0.12
#: Of several sets of names, the likeliest must lead by this ...
LEADS_SETS = 0.02
#: ... and with few classes, when more sets are alike, by this.
LEADS_SMALL, SMALL = 0.03, 4
#: Where any order at all is so much more alike than each known one, none is believed.
STRANGE = 0.035
#: Answers outvote what the layers remember only if they are so much likelier.
CONTRADICTS = 1.0
#: With so many classes none was left out.
COMPLETE = 7
#: Taken off the likeness of sets with these: disgust is the rarest class and the first that authors
#: leave out, fear the next.
RARE = {"disgust": 0.05, "fear": 0.04}

#: What the model makes of faces if its pixels are normalised in the way of this name.
Witness: TypeAlias = Callable[[str, Drawer], Leanings]


@dataclass(frozen=True)
class Verdict:
    """One question's best answer, from what it was found, and the figures behind it."""

    answer: str
    source: str
    clear: bool
    scores: dict[str, float]
    names: Names = ()

    def line(self, question: str) -> str:
        """For people: `input range: -1..1 (from BatchNorm statistics, clear)`."""
        if self.clear and self.names:
            return f"{question}: {self.answer}: {', '.join(self.names)} (from {self.source}, clear)"
        if self.clear:
            return f"{question}: {self.answer} (from {self.source}, clear)"
        if self.names:
            nearest = f"nearest is --labels {','.join(self.names)}"
            return f"{question}: not clear (from {self.source}; {nearest})"
        return f"{question}: {self.answer} (from {self.source}, not clear)"


def input_range(model: FloatModel, ways: dict[str, Normalisation], witness: Witness) -> Verdict:
    """Which of `ways` the model was trained with."""
    direct = _remembered(model, ways)
    if model.classes > probe.MOST:
        return direct or Verdict("0..1", "nothing", False, {})
    if direct is None or not direct.clear:
        answers = _answered(ways, witness)
        return answers if answers.clear or direct is None else direct
    told = _likelihoods(ways, witness, varied_faces)
    best = max(told, key=told.__getitem__)
    ahead = told[best] - told[direct.answer]
    if ahead < CONTRADICTS or not _reacts(witness(best, varied_faces)):
        return direct
    # A backbone that was trained elsewhere and frozen remembers other pixels than it was fed here.
    return replace(
        direct,
        source=f"{direct.source}, but answers to synthetic faces say {best}",
        clear=False,
        scores={**direct.scores, **_rounded({f"answers {k}": v for k, v in told.items()})},
    )


def _remembered(model: FloatModel, ways: dict[str, Normalisation]) -> Verdict | None:
    """What the layers say; None where they say nothing."""
    if model.network is not None and batchnorm.scales_inside(model.network):
        return Verdict("0..255", "a Rescaling inside the model", True, {})
    apart = batchnorm.divergences(model, ways)
    if not apart:
        return None
    first, second, *_ = sorted(apart.values())
    near = first < NEAR and second > TIMES_NEARER * first
    best = min(apart, key=apart.__getitem__)
    return Verdict(best, "BatchNorm statistics", near, _rounded(apart))


def _answered(ways: Iterable[str], witness: Witness) -> Verdict:
    """In which range the intended class is the likeliest answer to synthetic faces.

    On the harder faces ranges of less contrast do too well, on the clearer ones those of more: an
    answer is clear only where both say the same.
    """
    hard = _likelihoods(ways, witness, varied_faces)
    easy = _likelihoods(ways, witness, clear_faces)
    both = {way: (hard[way] + easy[way]) / 2 for way in hard}
    best = max(both, key=both.__getitem__)
    leads = [
        scores[best] - max(score for way, score in scores.items() if way != best)
        for scores in (hard, easy)
    ]
    reacts = _reacts(witness(best, varied_faces))
    clear = reacts and min(leads) >= LIKELIER_IN_EACH and max(leads) >= LIKELIER
    return Verdict(best, "answers to synthetic faces", clear, _rounded(both))


def _likelihoods(ways: Iterable[str], witness: Witness, draw: Drawer) -> dict[str, float]:
    """Of the intended class under the names that fit best, so that no order need be known yet."""
    return {way: witness(way, draw).likeliest() for way in ways}


def _reacts(seen: Leanings) -> bool:
    """Whether different expressions get different answers."""
    return seen.freely_named()[1] >= _least(seen)


def _least(seen: Leanings) -> float:
    """What likeness is more than chance."""
    return LEANS if seen.answers.shape[1] >= COMPLETE else LEANS_FEW


def label_order(seen: Leanings) -> Verdict:
    """In which known order the classes are; the names of another order are a suggestion."""
    source, classes = "answers to synthetic faces", seen.answers.shape[1]
    if classes > probe.MOST:
        return Verdict("unclear", source, False, {})
    freely, most = seen.freely_named()
    found = {}
    for kind, names in probe.candidates(classes):
        rare = sum(RARE.get(name, 0.0) for name in names) if classes < COMPLETE else 0.0
        found[kind, names] = seen.likeness(names) - rare
    (kind, names), second = sorted(found, key=found.__getitem__, reverse=True)[:2]
    lead = found[kind, names] - found[second]
    scores = _rounded({kind: found[kind, names], "next": found[second], "any order": most})
    if most < _least(seen):
        return Verdict("unclear", source, False, scores)
    if most - seen.likeness(names) <= STRANGE:
        wanted = LEADS if classes >= COMPLETE else LEADS_SETS if classes > SMALL else LEADS_SMALL
        clear = seen.likeness(names) >= _least(seen) and lead >= wanted
        return Verdict(kind, source, clear, scores, names)
    for data, names in labels.ELSEWHERE.items():
        if len(names) == classes and most - seen.likeness(names) <= STRANGE:
            return Verdict("unclear", f"{source}, which fit {data}", False, scores, names)
    return Verdict("unclear", source, False, scores, freely)


def _rounded(scores: dict[str, float]) -> dict[str, float]:
    return {name: round(float(score), 3) for name, score in scores.items()}
