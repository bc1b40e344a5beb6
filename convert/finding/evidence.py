"""The evidence for a model's input range and for the order of its classes, weighed.

Measured on 46 models: nine public ones, and 37 trained for this on FER2013 or CK+, for one to 25
epochs, to accuracies of 19 to 70 %; with and without BatchNormalization, gray and RGB, 48 to 224
pixels a side, 3 to 8 classes in several orders, pixels in ten ranges. Nothing called clear was
wrong. The input range was clear for 35. It was not for six with an accuracy below 30 % or too few
steps for BatchNormalization to remember; for one that is no emotion model; for pixels less their
mean, undivided, in gray; for two of the seven without BatchNormalization whose ranges (-1..1,
-0.5..0.5, a mean and deviation) differ in contrast alone; and for one trained on CK+. The order was
clear for 34, and rightly suggested for two of four in orders of other data sets or their own.

The answers of 38 (seven or eight classes), columns put into ten random orders and into every
order with two classes exchanged: of the 380 random ones 4 were called clear, wrongly; of the 826
exchanged ones 108, so an order one exchange from a usual one may not be noticed. With an earlier
reader, of 28 models, columns put into other orders and some left out: FER2013's order and the
alphabetical one were clear in all, those of RAF-DB, FER+ and AffectNet in none; of usual sets of
six, five, four and three classes 66, 78, 64 and 13 % were clear, 1.1, 0.5, 0 and 0 % wrongly so,
such as keep disgust and leave out fear; what the user stated was never contradicted where it was
right, and always where it was wrong and the evidence clear.
The thresholds were set by the same models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from convert import labels, normalisation
from convert.faces.synthetic_faces import clear_faces, varied_faces
from convert.finding import batchnorm, probe
from convert.finding.probe import Drawer, Leanings, Names
from convert.float_model import FloatModel
from convert.normalisation import Normalisation

#: Mean and deviation of FER2013's pixels; ImageNet's photographs less their mean alone; -0.5..0.5.
STANDARDISED, MEAN_TAKEN = normalisation.standardised(129, 65), normalisation.standardised(117, 1)
CENTRED = normalisation.standardised(127.5, 255)
#: A BatchNormalization's divergence in the right range was 0.12 or less, and six times as much in
#: the next (see `convert.finding.batchnorm`).
NEAR, TIMES_NEARER = 0.3, 5.0
#: Likeness to our reader fell by 0.06 or more from the right range to one with another offset, by
#: less to one that only has another contrast.
ALIKE = 0.05
#: Between those the mean log-probability of the intended class decides. It must lead by so many
#: nats if the likeness says the same, and by so many alone.
LIKELIER, LIKELIER_ALONE = 0.05, 0.1
#: Answers outvote what the layers remember if the likeness is so much larger; in no model measured
#: was it larger at all.
CONTRADICTS = 0.1
#: Of `COMPLETE` classes or more, likeness to our reader under the right names was 0.28 or more ...
LEANS = 0.25
#: ... and of fewer, which chance is likelier to fit, 0.42 or more.
LEANS_FEW = 0.4
#: The right order of the same seven or eight names led the other known one by 0.14 or more.
LEADS = 0.12
#: Of several sets of names, the likeliest must lead by so much, by number of classes: the fewer,
#: the more sets are as good.
LEADS_SETS = {6: 0.02, 5: 0.02, 4: 0.03, 3: 0.1, 2: 0.1}
#: Where any order at all is so much more alike than each known one, none is believed.
STRANGE = 0.035
#: With so many classes none was left out.
COMPLETE = 7
#: Taken off the likeness of sets with these: disgust is the rarest class and the first that authors
#: leave out, fear the next.
RARE = {"disgust": 0.05, "fear": 0.04}

UNCLEAR = "unclear"
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
        if self.clear:
            said = f"{self.answer}: {', '.join(self.names)}" if self.names else self.answer
            return f"{question}: {said} (from {self.source}, clear)"
        nearest = f"--labels {','.join(self.names)}" if self.names else self.answer
        nearest = "" if nearest == UNCLEAR else f"; nearest is {nearest}"
        return f"{question}: not clear (from {self.source}{nearest})"


def input_range(model: FloatModel, ways: dict[str, Normalisation], witness: Witness) -> Verdict:
    """Which of `ways` the model was trained with."""
    direct = _remembered(model, ways)
    if model.classes > probe.MOST:
        return direct or Verdict("0..1", "nothing", False, {})
    if direct is None or not direct.clear:
        answers = _answered(ways, witness)
        if direct is None or direct.scores[answers.answer] < NEAR:
            return answers
        # Trained too briefly to remember, or on pixels of some other kind than all of `ways`.
        return replace(direct, clear=False)
    alike = _likenesses(ways, witness)
    best = max(alike, key=alike.__getitem__)
    if not _reacts(witness(best, varied_faces)) or alike[best] - alike[direct.answer] < CONTRADICTS:
        return direct
    # A backbone that was trained elsewhere and frozen remembers other pixels than it was fed here.
    return replace(
        direct,
        source=f"{direct.source}, but answers to synthetic faces say {best}",
        clear=False,
        scores={**direct.scores, **_rounded({f"answers {k}": v for k, v in alike.items()})},
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
    """In which range the answers to synthetic faces are those of a trained network.

    In a wrong range a network confuses faces in ways of its own, unless only the contrast is wrong:
    then it is too sure of its errors, or not sure enough. On the harder faces ranges of less
    contrast do too well in that, on the clearer ones those of more, so both must say the same.
    """
    alike = _likenesses(ways, witness)
    most = max(alike, key=alike.__getitem__)
    close = [way for way in alike if alike[most] - alike[way] <= ALIKE]
    source, clear = "answers to synthetic faces", _reacts(witness(most, varied_faces))
    if len(close) == 1:
        return Verdict(most, source, clear, _rounded(alike))
    hard, easy = (
        {way: witness(way, draw).likeliest() for way in close}
        for draw in (varied_faces, clear_faces)
    )
    both = {way: (hard[way] + easy[way]) / 2 for way in close}
    best = max(both, key=both.__getitem__)
    leads = [told[best] - max(told[x] for x in close if x != best) for told in (hard, easy)]
    wanted = LIKELIER if best == most else LIKELIER_ALONE
    clear = clear and min(leads) > 0 and sum(leads) / 2 >= wanted
    scores = alike | {f"likelihood {way}": value for way, value in both.items()}
    return Verdict(best, source, clear, _rounded(scores))


def _likenesses(ways: Iterable[str], witness: Witness) -> dict[str, float]:
    """To our reader, under the names that fit best in the range that fits best."""
    seen = {way: witness(way, varied_faces) for way in ways}
    names, _ = max((found.freely_named() for found in seen.values()), key=lambda found: found[1])
    return {way: found.likeness(names) for way, found in seen.items()}


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
        return Verdict(UNCLEAR, source, False, {})
    freely, most = seen.freely_named()
    found = {}
    for kind, names in probe.candidates(classes):
        rare = sum(RARE.get(name, 0.0) for name in names) if classes < COMPLETE else 0.0
        found[kind, names] = seen.likeness(names) - rare
    (kind, names), second = sorted(found, key=found.__getitem__, reverse=True)[:2]
    lead = found[kind, names] - found[second]
    scores = _rounded({kind: found[kind, names], "next": found[second], "any order": most})
    if most < _least(seen):
        return Verdict(UNCLEAR, source, False, scores)
    if most - seen.likeness(names) <= STRANGE:
        clear = seen.likeness(names) >= _least(seen) and lead >= LEADS_SETS.get(classes, LEADS)
        return Verdict(kind, source, clear, scores, names)
    for data, names in labels.ELSEWHERE.items():
        if len(names) == classes and most - seen.likeness(names) <= STRANGE:
            return Verdict(UNCLEAR, f"{source}, which fit {data}", False, scores, names)
    return Verdict(UNCLEAR, source, False, scores, freely)


def _rounded(scores: dict[str, float]) -> dict[str, float]:
    return {name: round(float(score), 3) for name, score in scores.items()}
