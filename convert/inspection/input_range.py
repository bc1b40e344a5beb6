"""Decide in which range a model expects its pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeAlias

from convert.faces.synthetic import clear_faces, varied_faces
from convert.inspection import batchnorm
from convert.inspection.evidence import (
    CONTRADICTION,
    MAX_DIVERGENCE,
    MIN_DIVERGENCE_RATIO,
    MIN_LEAD_NATS,
    MIN_LEAD_NATS_ALONE,
    SIMILAR_CORRELATION,
    Verdict,
    chance,
    min_correlation,
    rounded,
)
from convert.inspection.responses import MAX_CLASSES, Drawer, Responses
from convert.loading.float_model import FloatModel
from convert.normalisation import Normalisation

#: Returns the model's responses to faces under the normalisation of this name.
Respond: TypeAlias = Callable[[str, Drawer], Responses]


def input_range(
    model: FloatModel, candidates: dict[str, Normalisation], respond: Respond
) -> Verdict:
    """Return which of the `candidates` the model was trained with."""
    direct = _remembered(model, candidates)
    if model.classes > MAX_CLASSES:
        return direct or Verdict("0..1", "nothing", False, {})
    if direct is None or not direct.clear:
        answers = _answered(candidates, respond)
        if direct is None or direct.scores[answers.answer] < MAX_DIVERGENCE:
            return answers
        # Trained too briefly to settle, or on pixels unlike all of the `candidates`.
        return replace(direct, clear=False)
    correlations = _all_correlations(candidates, respond)
    best = max(correlations, key=correlations.__getitem__)
    if (
        not _reacts(respond(best, varied_faces))
        or correlations[best] - correlations[direct.answer] < CONTRADICTION
    ):
        return direct
    # A frozen backbone that was trained elsewhere remembers other pixels than it was fed here, and
    # a Rescaling inside does not keep people from training on pixels that are scaled already.
    answers = _answered(candidates, respond)
    return replace(
        answers,
        source=f"{direct.source}, but {answers.source} say {answers.answer}",
        clear=False,
        scores={**direct.scores, **{f"answers {k}": v for k, v in answers.scores.items()}},
    )


def _remembered(model: FloatModel, candidates: dict[str, Normalisation]) -> Verdict | None:
    """Return what the layers say; None where they say nothing."""
    if model.network is not None and batchnorm.scales_inside(model.network):
        return Verdict("0..255", "a Rescaling inside the model", True, {})
    divergences = batchnorm.divergences(model, candidates)
    if not divergences:
        return None
    first, second, *_ = sorted(divergences.values())
    near = first < MAX_DIVERGENCE and second > MIN_DIVERGENCE_RATIO * first
    best = min(divergences, key=divergences.__getitem__)
    return Verdict(best, "BatchNorm statistics", near, rounded(divergences))


def _answered(candidates: Iterable[str], respond: Respond) -> Verdict:
    """Return the range in which responses are those of a trained network.

    In a wrong range a network confuses faces in its own ways, unless only the contrast is wrong:
    then it is overconfident or underconfident. On the harder faces this favours ranges of less
    contrast, on the clearer ones those of more, so both must agree. Answers to the clearer faces
    that are less likely than chance decide nothing.
    """
    correlations = _all_correlations(candidates, respond)
    most = max(correlations, key=correlations.__getitem__)
    enough = correlations[most] - SIMILAR_CORRELATION
    close = [name for name, correlation in correlations.items() if correlation >= enough]
    hard, easy = (
        {name: respond(name, draw).likeliest() for name in close}
        for draw in (varied_faces, clear_faces)
    )
    source, seen = "answers to synthetic faces", respond(most, varied_faces)
    least = chance(seen.answers.shape[1])
    if len(close) == 1:
        known = _reacts(seen)
        return Verdict(most, source, known, rounded(correlations), above_chance=known)
    both = {name: (hard[name] + easy[name]) / 2 for name in close}
    best = max(both, key=both.__getitem__)
    leads = [scores[best] - max(scores[x] for x in close if x != best) for scores in (hard, easy)]
    min_lead = MIN_LEAD_NATS if best == most else MIN_LEAD_NATS_ALONE
    # A network that is surer of wrong answers than of right ones is less so in a wrong range.
    above_chance = _reacts(seen) and easy[best] > least
    clear = above_chance and min(leads) > 0 and sum(leads) / 2 >= min_lead
    scores = correlations | {f"likelihood {name}": value for name, value in both.items()}
    return Verdict(best, source, clear, rounded(scores), above_chance=above_chance)


def _all_correlations(candidates: Iterable[str], respond: Respond) -> dict[str, float]:
    """Return all ranges' correlations under the names that fit best."""
    seen = {name: respond(name, varied_faces) for name in candidates}
    names, _ = max((found.best_names() for found in seen.values()), key=lambda found: found[1])
    return {name: found.correlation(names) for name, found in seen.items()}


def _reacts(seen: Responses) -> bool:
    """Return whether different expressions get different answers."""
    return seen.best_names()[1] >= min_correlation(seen)
