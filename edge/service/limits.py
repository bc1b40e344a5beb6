"""The counts at which alerts are raised: the configured ones, or what was set over MQTT."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Callable, Iterator, Mapping

from edge.config.alerts import AlertConfig, resolve
from edge.config.names import slug
from edge.config.schema import Config

#: The most that a configuration takes.
_MOST = 10**6
log = logging.getLogger(__name__)


def highest(config: Config) -> dict[str, int]:
    """Return the highest count that can be set, by the name of a counting alert.

    Names are as in topics.
    One face gives no more within the window; a higher one is only what is configured.
    """
    return {slug(rule.name): _most(rule, config) for rule in config.alerts}


def _most(rule: AlertConfig, config: Config) -> int:
    most = rule.most_readings(config.mood.reading_interval_s)
    return _MOST if math.isinf(most) else max(rule.count, min(int(most), _MOST))


def overrides(config: Config, kept: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for every count in `kept` that is not the configured one."""
    for rule in config.alerts:
        name = slug(rule.name)
        if name in kept and kept[name] != rule.count:
            yield f"alert '{name}': count {kept[name]}, set over MQTT, overrides {rule.count}"


class Limits:
    """`kept` are counts that were set before; `keep` is told of new ones, None for none."""

    def __init__(
        self,
        config: Config,
        labels: tuple[str, ...],
        kept: Mapping[str, int],
        keep: Callable[[str, int | None], None],
    ) -> None:
        self._labels, self._keep = labels, keep
        self._configured = {slug(rule.name): rule for rule in config.alerts}
        highest_counts = highest(config)
        self.counts = {
            name: kept[name] if 1 <= kept.get(name, 0) <= highest_counts[name] else rule.count
            for name, rule in self._configured.items()
        }
        """What holds now, by the alerts' names."""
        for line in overrides(config, self.counts):
            log.warning("%s", line)

    def configs(self) -> list[AlertConfig]:
        """Return what the rules go by, resolved."""
        return resolve(map(self._limited, self._configured), self._labels)

    def set(self, name: str, count: int) -> AlertConfig:
        """Let an alert have another count, over restarts too; return its rule's config."""
        self.counts[name] = count
        configured = self._configured[name].count
        self._keep(name, None if count == configured else count)
        log.info("alert '%s': count %d, set over MQTT; configured: %d", name, count, configured)
        return resolve([self._limited(name)], self._labels)[0]

    def _limited(self, name: str) -> AlertConfig:
        rule, count = self._configured[name], self.counts[name]
        clear_count = min(rule.clear_count, count - 1)
        return dataclasses.replace(rule, count=count, clear_count=clear_count)
