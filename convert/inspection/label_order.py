"""Determine the order of a model's classes."""

from __future__ import annotations

from convert.inspection.evidence import (
    COMPLETE,
    MIN_LEAD,
    MIN_SET_LEAD,
    RARE,
    UNCLEAR,
    UNKNOWN_ORDER_LEAD,
    Verdict,
    min_correlation,
    rounded,
)
from convert.inspection.responses import MAX_CLASSES, Responses, candidates
from convert.labels import OTHER_DATA_SETS


def label_order(seen: Responses) -> Verdict:
    """Return which known order the classes are in.

    Names in any other order are only a suggestion.
    """
    source, classes = "answers to synthetic faces", seen.answers.shape[1]
    if classes > MAX_CLASSES:
        return Verdict(UNCLEAR, source, False, {})
    freely, most = seen.best_names()
    found = {}
    for kind, names in candidates(classes):
        rare = sum(RARE.get(name, 0.0) for name in names) if classes < COMPLETE else 0.0
        found[kind, names] = seen.correlation(names) - rare
    (kind, names), second = sorted(found, key=found.__getitem__, reverse=True)[:2]
    lead = found[kind, names] - found[second]
    scores = rounded({kind: found[kind, names], "next": found[second], "any order": most})
    if most < min_correlation(seen):
        return Verdict(UNCLEAR, source, False, scores)
    if most - seen.correlation(names) <= UNKNOWN_ORDER_LEAD:
        min_lead = MIN_SET_LEAD.get(classes, MIN_LEAD)
        clear = seen.correlation(names) >= min_correlation(seen) and lead >= min_lead
        return Verdict(kind, source, clear, scores, names)
    for data, names in OTHER_DATA_SETS.items():
        if len(names) == classes and most - seen.correlation(names) <= UNKNOWN_ORDER_LEAD:
            return Verdict(UNCLEAR, f"{source}, which fit {data}", False, scores, names)
    return Verdict(UNCLEAR, source, False, scores, freely)
