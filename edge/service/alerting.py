"""What raises alerts and what reports them: the rules, the log, the broker, notifications."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from edge.alert_state import AlertState
from edge.alerts.episodes import with_episodes
from edge.alerts.rules import Rules
from edge.config.alerts import AlertConfig, resolve
from edge.config.schema import Config
from edge.records import Alert, Event, Snapshot
from edge.service import thermal
from edge.service.limits import Limits, highest
from edge.service.status_file import Broker, StatusFile

if TYPE_CHECKING:
    from edge.diary.writer import DiaryWriter
    from edge.messaging.discovery import Features
    from edge.messaging.outbox import Outbox
    from edge.service.commanding import Commander
    from edge.service.watching import Conditions

Tell: TypeAlias = Callable[[Snapshot, Iterable[Alert]], None]
log = logging.getLogger(__name__)


@dataclass
class Carried:
    """What the next configuration takes over from the one before it, in memory."""

    alerts: AlertState | None = None


@contextmanager
def open_alerts(
    config: Config,
    labels: tuple[str, ...],
    conditions: Conditions,
    diary: DiaryWriter,
    status_file: StatusFile,
    carried: Carried | None = None,
) -> Iterator[tuple[Rules, Tell]]:
    """Yield the rules for a model with `labels`, and what reports alerts.

    They go to the log, to the broker, and to whoever is to be notified. With neither a broker nor
    notifications their state is only in `carried`: it survives a reload, but not a restart.
    Commands over MQTT change the rules and `conditions`, and are noted in the `diary`.
    `status_file` learns of the broker.
    """
    carried = carried or Carried()
    follows = config.reactions + config.last_reactions
    if not config.mqtt.host and not any(alert.notify for alert in follows):
        rules = open_rules(config, labels, carried.alerts)
        yield rules, log_alerts
        carried.alerts = rules.state()
        return
    # Here, not above: without a broker or notifications nobody needs SQLite.
    from edge.messaging.notifier import Notifier  # noqa: PLC0415
    from edge.messaging.notify import open_services  # noqa: PLC0415
    from edge.messaging.outbox import Outbox  # noqa: PLC0415
    from edge.messaging.reactions import Reactions  # noqa: PLC0415

    services = open_services(follows)
    reactions = Reactions(follows, config.device_name)
    with (
        Outbox(config.state.directory, reactions) as outbox,
        Notifier(services, outbox) as notifier,
        _report(
            config, labels, carried, outbox, partial(_commander, conditions, diary), status_file
        ) as (rules, report),
    ):

        def tell(snapshot: Snapshot, alerts: Iterable[Alert]) -> None:
            log_alerts(snapshot, alerts)
            report(snapshot, alerts)
            notifier.work(snapshot.monotonic_s)

        yield rules, tell
        carried.alerts = rules.state()


@contextmanager
def _report(
    config: Config,
    labels: tuple[str, ...],
    carried: Carried,
    outbox: Outbox,
    commander: Callable[[Rules, Limits], Commander],
    status_file: StatusFile,
) -> Iterator[tuple[Rules, Tell]]:
    """Yield the rules, and what keeps their alerts in `outbox` and publishes them."""
    if not config.mqtt.host:
        with _unpublished(config, labels, carried, outbox) as found:
            yield found
        return
    from edge.messaging.commands import Inbox  # noqa: PLC0415
    from edge.messaging.publisher import Publisher  # noqa: PLC0415

    # The outbox comes first: of what it holds as raised, the broker must hear the end.
    state = outbox.alert_state or carried.alerts or with_episodes(outbox.open_episodes)
    limits = Limits(config, labels, outbox.limits, outbox.keep_limit)
    rules = open_rules(config, labels, state, limits.configs())
    base = f"{config.mqtt.prefix}/{config.device_name}"
    inbox = Inbox(base, config.counting_alerts + config.other_alerts, highest(config))
    features, device = _features(config, labels), config.device_name
    publisher = Publisher(config.mqtt, device, outbox, rules.state, features, inbox)
    publisher.set_limits(limits.counts)
    obey = commander(rules, limits).obey
    status_file.limits = limits.counts

    def report(snapshot: Snapshot, alerts: Iterable[Alert]) -> None:
        publisher.tell(snapshot, alerts)
        while publisher.commands:
            obey(publisher.commands.popleft())
            publisher.set_limits(limits.counts)
        status_file.broker = Broker(publisher.connected, len(outbox.waiting))

    with publisher:
        yield rules, report


@contextmanager
def _unpublished(
    config: Config, labels: tuple[str, ...], carried: Carried, outbox: Outbox
) -> Iterator[tuple[Rules, Tell]]:
    """Yield what `_report` does, without a broker: a restart is to tell nobody a second time."""
    rules = open_rules(config, labels, carried.alerts or outbox.alert_state)

    def keep(_snapshot: Snapshot, alerts: Iterable[Alert]) -> None:
        if new := tuple(alerts):
            outbox.keep(rules.state(), new, publish=False)

    try:
        yield rules, keep
    finally:
        outbox.keep(rules.state())


def _commander(
    conditions: Conditions, diary: DiaryWriter, rules: Rules, limits: Limits
) -> Commander:
    from edge.service.commanding import Commander  # noqa: PLC0415

    def note(event: Event) -> None:
        diary.write(time.monotonic(), (event,))

    return Commander(rules, limits, conditions, note)


def _features(config: Config, labels: tuple[str, ...]) -> Features:
    from edge.messaging.discovery import Features  # noqa: PLC0415

    board = thermal.read()
    return Features(
        labels,
        config.counting_alerts,
        config.other_alerts,
        temperature=board.celsius is not None,
        throttled=board.throttled is not None,
        most=highest(config),
    )


def open_rules(
    config: Config,
    labels: tuple[str, ...],
    state: AlertState | None = None,
    counting: Iterable[AlertConfig] | None = None,
) -> Rules:
    """Return the rules for a model with `labels`.

    `counting`, resolved, are those that count readings; None for the configured ones.
    """
    daily = None
    if config.trend.enabled:
        # Here, not above: nobody else needs the table of hours.
        from edge.service.daily_shares import open_daily  # noqa: PLC0415

        daily = open_daily(config.trend, config.diary.directory, labels)
    return Rules(
        resolve(config.alerts, labels) if counting is None else counting,
        config.faces.blind_after_h * 3600,
        state,
        daily=daily,
    )


def log_alerts(_snapshot: Snapshot, alerts: Iterable[Alert]) -> None:
    """Write a line about each of `alerts` to the log."""
    for alert in alerts:
        log.warning("%s", alert)
