"""Weigh the evidence for a model's input range and for the order of its classes.

Measured on 46 models: nine public ones, and 37 trained for this on FER2013 or CK+, for one to 25
epochs, to accuracies of 19 to 70 %; with and without BatchNormalization, gray and RGB, 48 to 224
pixels a side, 3 to 8 classes in several orders, pixels in ten ranges. No clear verdict was
wrong. The input range was clear for 35. It was unclear for six with an accuracy below 30 % or too
few steps for BatchNormalization to settle; for one that is not an emotion model; for pixels minus
their mean, not divided, in gray; for two of the seven without BatchNormalization whose ranges
(-1..1, -0.5..0.5, a mean and deviation) differ only in contrast; and for one trained on CK+. The
order was clear for 34, and correctly suggested for two of four in orders of other data sets or
their own.

The outputs of 38 of them (seven or eight classes) were permuted, into ten random orders and into
every order with two classes swapped: 4 of the 380 random ones were marked clear, wrongly, and 108
of the 826 swapped ones, so an order one swap away from a usual one may go unnoticed. With an
earlier reference model, the columns of 28 models were reordered and partly removed: FER2013's and
the alphabetical order were clear in all, those of RAF-DB, FER+ and AffectNet in none; of usual sets
of six, five, four and three classes 66, 78, 64 and 13 % were clear, 1.1, 0.5, 0 and 0 % wrongly so,
such as sets that keep disgust and omit fear. What the user stated was never contradicted where it
was right, and always where it was wrong and the evidence clear.
The thresholds were set on the same models.

Between ranges of like correlation answers decide only where those to the clearer faces are likelier
than chance (-1.95 nats of seven classes): in the right range those of six of seven public models
were, by 0.32 to 0.91 nats; in a wrong one those of one model, by 0.26 at most.
One trained on CK+, far below chance in all ranges, had been
called clear, wrongly. The counts above were taken before this was required.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from convert import normalisation
from convert.inspection.responses import Names, Responses

#: Mean and deviation of FER2013's pixels; photographs minus ImageNet's mean; -0.5..0.5.
STANDARDISED, MEAN_TAKEN = normalisation.standardised(129, 65), normalisation.standardised(117, 1)
CENTRED = normalisation.standardised(127.5, 255)
#: A BatchNormalization's divergence was at most 0.12 in the right range, and at least six times
#: that in the next (see `convert.inspection.batchnorm`).
MAX_DIVERGENCE, MIN_DIVERGENCE_RATIO = 0.3, 5.0
#: Correlation with the reference model fell by 0.06 or more from the right range to one with
#: another offset, by less to one that differs only in contrast.
SIMILAR_CORRELATION = 0.05
#: Between those the mean log-probability of the intended class decides. Its lead must be at least
#: this many nats, the second figure if the correlation favours another range.
MIN_LEAD_NATS, MIN_LEAD_NATS_ALONE = 0.05, 0.1
#: Responses override what the layers remember if their correlation is this much larger; in no model
#: measured was it larger at all.
CONTRADICTION = 0.1
#: With `COMPLETE` classes or more, correlation under the right names was 0.28 or more ...
MIN_CORRELATION = 0.25
#: ... and with fewer, which fit more easily by chance, 0.42 or more.
MIN_CORRELATION_FEW = 0.4
#: The right order of the same seven or eight names led the other known one by 0.14 or more.
MIN_LEAD = 0.12
#: Minimum lead of the best of several sets of names, by number of classes: the fewer classes, the
#: more sets fit equally well.
MIN_SET_LEAD = {6: 0.02, 5: 0.02, 4: 0.03, 3: 0.1, 2: 0.1}
#: If any order correlates this much better than every known one, none is believed.
UNKNOWN_ORDER_LEAD = 0.035
#: With this many classes none is omitted.
COMPLETE = 7
#: Subtracted from the correlation of sets with these: disgust is the rarest class and the first
#: that authors omit, fear the next.
RARE = {"disgust": 0.05, "fear": 0.04}

UNCLEAR = "unclear"


@dataclass(frozen=True)
class Verdict:
    """The best answer to one question, its source, and the figures behind it."""

    answer: str
    source: str
    clear: bool
    scores: dict[str, float]
    names: Names = ()
    above_chance: bool = True
    """Whether `answer` rests on evidence better than chance; otherwise it is not even a guess."""

    def line(self, question: str) -> str:
        """Return a line such as `input range: -1..1 (from BatchNorm statistics, clear)`."""
        if self.clear:
            answer = f"{self.answer}: {', '.join(self.names)}" if self.names else self.answer
            return f"{question}: {answer} (from {self.source}, clear)"
        guess = f"--labels {','.join(self.names)}" if self.names else self.answer
        remark = "" if guess == UNCLEAR else f"; best guess: {guess}"
        if not self.above_chance:
            remark = ", no better than chance"
        return f"{question}: unclear (from {self.source}{remark})"


def chance(classes: int) -> float:
    """Return the log-probability of an answer that favours none of the classes."""
    return -math.log(classes)


def min_correlation(seen: Responses) -> float:
    """Return the smallest correlation that is more than chance."""
    return MIN_CORRELATION if seen.answers.shape[1] >= COMPLETE else MIN_CORRELATION_FEW


def rounded(scores: dict[str, float]) -> dict[str, float]:
    """Return the scores as they appear in cards."""
    return {name: round(float(score), 3) for name, score in scores.items()}
