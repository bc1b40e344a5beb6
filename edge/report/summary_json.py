"""A summary as JSON: numbers as numbers, seconds and shares from 0 to 1."""

from __future__ import annotations

from typing import Any

from edge.report.summary import Period, Summary
from edge.report.visits import Visits


def as_object(summary: Summary) -> dict[str, Any]:
    """Return the one object that `fer-edge summary --json` prints."""
    found = summary.usual
    return {
        "total": _period(summary.total),
        "periods": [{"period": each.name, **_period(each)} for each in summary.periods],
        "usual": found and {"low": found.low, "high": found.high, "days": found.days},
    }


def _period(period: Period) -> dict[str, Any]:
    span = period.span
    return {
        "watched_s": span.watched_s,
        "face_s": span.face_s,
        "paused_s": span.paused_s,
        "readings": period.readings,
        "counted": span.readings,
        "counts": dict(span.counts),
        "shares": {label: span.share(label) for label in span.counts},
        "negative": span.negative,
        "alerts": dict(span.raised),
        "longest": {
            label: {"seconds": stretch.seconds, "hour": stretch.hour.isoformat()}
            for label, stretch in period.longest.items()
        },
        "models": list(span.models),
    }


def visits_object(found: Visits) -> dict[str, Any]:
    """Return the one object that `fer-edge summary --by face --json` prints."""
    return {
        "visits": [
            {
                "face": visit.face,
                "begin": visit.begin.isoformat(),
                "end": visit.end.isoformat(),
                "readings": visit.readings,
                "counted": visit.span.readings,
                "counts": dict(visit.counts),
                "negative": visit.span.negative,
            }
            for visit in found.longest
        ],
        "shorter": found.shorter,
    }
