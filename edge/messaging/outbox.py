"""What has to survive a restart, in one database.

Alerts that the broker has not acknowledged, the actions and notifications that follow them, what is
raised and what the rules have counted, which retained topics were published, which counts were set,
and what Home Assistant knows of this device.

An alert is in the database before it is sent, and leaves it when the broker has it. Where the disk
fails, alerts go out all the same, from memory; only a restart would then lose them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from edge.alert_state import AlertState
from edge.messaging.actions import Outgoing
from edge.messaging.alert_memory import AlertMemory
from edge.messaging.alert_queue import alert_queue, payload
from edge.messaging.announced import Announced
from edge.messaging.database import Database, Statement, Table
from edge.messaging.limits_table import limits_table
from edge.messaging.notification import Notification
from edge.messaging.open_episodes import OpenEpisodes
from edge.messaging.reactions import Reactions
from edge.records import Alert

NAME = "outbox.sqlite3"


class Outbox:
    """A durable queue in `directory`; a context manager; for one thread.

    `reactions` knows what follows alerts; nothing, unless given. Raises what
    `edge.messaging.database.Database` raises.
    """

    def __init__(self, directory: Path, reactions: Reactions | None = None) -> None:
        self._queue, self._episodes, self._memory = alert_queue(), OpenEpisodes(), AlertMemory()
        self._reactions = reactions or Reactions()
        self._topics: Table[None] = Table(
            "topics", ("id TEXT PRIMARY KEY",), encode=lambda _: (), decode=lambda _: None
        )
        self._announced, self._limits = Announced(), limits_table()
        tables = (
            self._queue.table, self._episodes.table, self._memory.table, self._topics, self._limits,
            self._announced.id_table, self._announced.table,
            self._reactions.actions.table, self._reactions.notifications.table,
        )  # fmt: skip
        self._database = Database(directory / NAME, tables)
        if self._announced.device_id is None:
            self._database.write([self._announced.new_id()])
        self.open_episodes = tuple(self._episodes.table.rows.values())
        """Episodes that were raised and not cleared when this outbox was opened."""
        self.alert_state = self._memory.state
        """What the rules remembered when this outbox was opened, None where nothing is known."""

    def __enter__(self) -> Outbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.recover()
        self._database.close()

    @property
    def waiting(self) -> Mapping[str, str]:
        """Payloads of the alerts not yet acknowledged, by id, oldest first."""
        return self._queue.waiting

    @property
    def actions(self) -> Mapping[str, Outgoing]:
        """Messages of actions not yet acknowledged, by id, oldest first."""
        return self._reactions.actions.waiting

    @property
    def notifications(self) -> Mapping[str, Notification]:
        """Notifications not yet sent, by id, oldest first."""
        return self._reactions.notifications.waiting

    @property
    def topics(self) -> Collection[str]:
        """The retained topics that were published and not emptied since."""
        return self._topics.rows.keys()

    @property
    def device_id(self) -> str | None:
        """The random id under which Home Assistant knows this device.

        None while the disk cannot keep it: a device under another id would be a second one.
        """
        return self._announced.device_id if self._database.healthy else None

    @property
    def announced(self) -> Mapping[str, str]:
        """The platforms of the components that Home Assistant was told of, by their keys."""
        return self._announced.table.rows

    def remember_announced(self, platforms: Mapping[str, str]) -> None:
        """Home Assistant was told of these components, and no others."""
        changes = self._announced.replace(platforms)
        if changes:
            self._database.write(changes)

    @property
    def limits(self) -> Mapping[str, int]:
        """The counts that were set over MQTT, by the names of their alerts."""
        return self._limits.rows

    def keep_limit(self, name: str, count: int | None) -> None:
        """Keep the count of an alert; None to forget it."""
        row = self._limits.remove(name) if count is None else self._limits.put(name, count)
        self._database.write([row])

    def add(self, alert: Alert) -> None:
        """Keep `alert` until `remove`; it is on disk on return, unless the disk fails."""
        self._database.write(self._add(alert))

    def keep(
        self, state: AlertState, alerts: Iterable[Alert] = (), *, publish: bool = True
    ) -> None:
        """Keep what the rules remember after `alerts`, and these until `remove`.

        All or nothing.
        `publish` False, for where there is no broker: of the alerts only their notifications.
        """
        add = self._add if publish else self._reactions.add_notifications
        added = [statement for alert in alerts for statement in add(alert)]
        changes = added + self._memory.keep(state)
        if changes:
            self._database.write(changes)

    def remove(self, alert_ids: Iterable[str]) -> None:
        """Forget alerts and actions that the broker has acknowledged."""
        ids = list(alert_ids)
        removed = self._queue.remove(ids) + self._reactions.actions.remove(ids)
        if removed:
            self._database.write(removed)

    def remove_notifications(self, ids: Iterable[str]) -> None:
        """Forget notifications that were sent, or will never be."""
        removed = self._reactions.notifications.remove(ids)
        if removed:
            self._database.write(removed)

    def remember_topics(self, topics: Iterable[str]) -> None:
        """Record retained topics."""
        new = [topic for topic in topics if topic not in self._topics.rows]
        if new:
            self._database.write([self._topics.put(topic, None) for topic in new])

    def forget_topics(self, topics: Iterable[str]) -> None:
        """Drop topics on which nothing is retained any more."""
        self._database.write([self._topics.remove(topic) for topic in topics])

    def recover(self) -> None:
        """After disk trouble, try to write to disk what memory has."""
        self._database.recover()

    def _add(self, alert: Alert) -> list[Statement]:
        return [
            *self._queue.add(alert.id, payload(alert)),
            self._episodes.follow(alert),
            *self._reactions.add_actions(alert),
            *self._reactions.add_notifications(alert),
        ]
