"""Alerts on negative readings: settings and derived values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edge.config.actions import AlertReactions, ReactionsConfig
from edge.config.binding import limited
from edge.config.names import slug
from edge.errors import ConfigError
from edge.labels import canonical

#: The alert of `faces.blind_after_h`.
BLIND = "blind"
#: The alert of `trend.enabled`.
TREND = "trend"
#: What counts unless an alert names its emotions.
NEGATIVE = ("angry", "disgust", "fear", "sad")


@dataclass(frozen=True)
class AlertConfig(ReactionsConfig):
    """Raised at `count` negative readings within `window_s`, cleared at `clear_count` or fewer.

    Only clear readings count (see `edge.notes.DOUBTS`). `share`: of those within `window_s`, so
    large a part must be negative. It is cleared too where that part has become less in the same
    proportion as `clear_count` is less than `count`.

    `emotions` empty: the negative four, as far as the model knows them. `clear_count` -1: half of
    `count`. After it was cleared an alert stays silent for `cooldown_s`.
    """

    name: str = "negative"
    emotions: tuple[str, ...] = ()
    count: int = limited(30, 1, 10**6)
    window_s: float = limited(120.0, 0.1, 7 * 86400)
    clear_count: int = limited(-1, -1, 10**6)
    min_confidence: float = limited(0.5, 0, 1)
    share: float = limited(0.25, 0, 1)
    cooldown_s: float = limited(300.0, 0, 7 * 86400)
    per_face: bool = False

    def most_readings(self, reading_interval_s: float) -> float:
        """Return how many readings of one face the window holds at most; may be infinite."""
        return math.ceil(self.window_s / reading_interval_s) if reading_interval_s else math.inf


def reactions_of(rules: Iterable[AlertConfig]) -> Iterator[AlertReactions]:
    """Yield what follows each of the alerts of a file."""
    for at, rule in enumerate(rules):
        yield AlertReactions.of(slug(rule.name), f"alerts[{at}]", rule)


def resolve(rules: Iterable[AlertConfig], labels: tuple[str, ...]) -> list[AlertConfig]:
    """Return `rules` for a model with `labels`: names as in topics, with defaults.

    Where the model knows none of the default emotions a rule has none, and is never raised.
    Raises `ConfigError`, a line for each emotion that a rule names and the model lacks.
    """
    resolved, problems = [], []
    for rule in rules:
        named = tuple(dict.fromkeys(canonical(emotion) for emotion in rule.emotions))
        problems += [
            f"alerts '{rule.name}': emotions: the model does not know '{emotion}';"
            f" it knows {', '.join(labels)}"
            for emotion in named
            if emotion not in labels
        ]
        emotions = named or tuple(emotion for emotion in NEGATIVE if emotion in labels)
        clear_count = rule.count // 2 if rule.clear_count < 0 else rule.clear_count
        resolved.append(
            dataclasses.replace(
                rule, name=slug(rule.name), emotions=emotions, clear_count=clear_count
            )
        )
    if problems:
        raise ConfigError("\n".join(problems))
    return resolved
