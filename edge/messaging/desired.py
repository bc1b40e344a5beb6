"""Desired retained topics and payloads; no I/O."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping

from edge.alert_state import Episode
from edge.messaging import topics
from edge.records import Snapshot

_ANNOUNCEMENTS = topics.DISCOVERY.pattern.partition("{")[0]


class DesiredTopics:
    """Payloads of the retained topics below `base`, by topic, in the order to publish them.

    `episodes` and the payloads `waiting` are an earlier process's: a removed alert must still be
    published as OFF. `remembered` are the topics that were published before; those that are not
    ours any more, as after a change of the device's name, are to be emptied. Without a `device_id`
    the announcement to Home Assistant is one of them; so are the topics of an alert that is not
    among `alerts`, None for any, once it is not raised.
    """

    def __init__(
        self,
        base: str,
        episodes: Iterable[Episode] = (),
        waiting: Iterable[str] = (),
        remembered: Iterable[str] = (),
        device_id: str | None = None,
        alerts: Collection[str] | None = None,
    ) -> None:
        self._base = base
        self.payloads = {topics.AVAILABILITY.of(base): "online"}
        self.abandoned = {
            topic for topic in remembered if not topics.is_ours(topic, base, device_id, alerts)
        }
        self._ended: set[str] = set()
        """Topics of alerts that are gone, of which the last state has still to be sent."""
        self._emptied: set[str] = set()
        raised = {episode.name for episode in episodes}
        for text in waiting:
            name = json.loads(text)["name"]
            self._set_alert(name, raised=name in raised)
        self.payloads |= {t: "" for t in self.abandoned if t.startswith(_ANNOUNCEMENTS)}
        self._state: Mapping[str, object] | None = None
        self._stats: Mapping[str, object] | None = None

    def update(self, snapshot: Snapshot, waiting: int = 0) -> None:
        """Take over what is true now; only a report that was renewed is turned into JSON.

        `waiting`: the number of alerts that the broker has not acknowledged.
        """
        self.payloads[topics.WATCHING.of(self._base)] = "OFF" if snapshot.paused else "ON"
        for name, raised in snapshot.raised.items():
            self._set_alert(name, raised=raised)
        if snapshot.state is not self._state:
            self._state = snapshot.state
            self.payloads[topics.STATE.of(self._base)] = json.dumps(snapshot.state)
        if snapshot.stats is not self._stats:
            self._stats = snapshot.stats
            stats = {**snapshot.stats, "waiting": waiting}
            self.payloads[topics.STATS.of(self._base)] = json.dumps(stats)

    def set_limits(self, counts: Mapping[str, int]) -> None:
        """Take over at how many readings alerts are raised, by their names."""
        for name, count in counts.items():
            self.payloads[topics.ALERT_LIMIT.of(self._base, name)] = str(count)

    def announce(self, topic: str, text: str) -> None:
        """Add the announcement to Home Assistant: last, as it names the other topics."""
        self.payloads[topic] = text

    def empty_abandoned(self) -> None:
        """Empty the topics that are not ours any more, once all else is published.

        Home Assistant, which still reads them until it has heard where the device is now, would
        log an error for each.
        """
        raised = {topic for topic in self.abandoned if self.payloads.get(topic) == "ON"}
        empty = self.abandoned - raised - self._ended
        self._ended.clear()
        self._emptied |= empty
        self.payloads |= dict.fromkeys(sorted(empty), "")

    def go_offline(self) -> None:
        """Mark the device offline."""
        self.payloads[topics.AVAILABILITY.of(self._base)] = "offline"

    def forget(self, emptied: Collection[str]) -> None:
        """Drop topics that the broker has cleared."""
        self.abandoned -= set(emptied)
        for topic in emptied:
            self.payloads.pop(topic, None)

    def _set_alert(self, name: str, *, raised: bool) -> None:
        topic = topics.ALERT_STATE.of(self._base, name)
        payload = "ON" if raised else "OFF"
        if topic in self._emptied and not raised:
            return
        if topic in self.abandoned and self.payloads.get(topic) != payload:
            self._ended.add(topic)
        self.payloads[topic] = payload
