"""What the demo says beside readings: what its clip shows, what its alert counts."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from edge.config.alerts import NEGATIVE, AlertConfig
from edge.packaged import CLIP_STORY

NEXT = """\
Next, your own camera: on a Raspberry Pi or Debian, `sudo systemd/install.sh` installs the service
(README.md, "Use it"). Anywhere else, `fer-edge run --config FILE`; config.toml has every option."""


def shown(source_s: float) -> str:
    """Return the expression of the face that the clip shows at `source_s`."""
    ends = itertools.accumulate(seconds for _, seconds in CLIP_STORY)
    return next(
        (face for (face, _), end in zip(CLIP_STORY, ends, strict=True) if source_s < end),
        CLIP_STORY[-1][0],
    )


def rule(alert: AlertConfig, interval_s: float, usual: AlertConfig, usual_s: float) -> str:
    """Return what `alert` counts, beside what the `usual` one does."""
    return (
        f"Its alert counts {_joined(alert.emotions or NEGATIVE)}: {_counts(alert, interval_s)};"
        f" over at {alert.clear_count} or fewer.\n"
        f"That suits a short clip; the default is {_counts(usual, usual_s)}."
    )


def _counts(alert: AlertConfig, interval_s: float) -> str:
    return (
        f"{alert.count} readings of {alert.min_confidence:.0%} or more within {alert.window_s:g} s,"
        f" one every {interval_s:g} s, and {alert.share:.0%} of all clear ones"
    )


def _joined(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
