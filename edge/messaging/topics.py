"""Every MQTT topic of a device, in one table: what it is called and how it is sent."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum
from string import Template
from typing import NamedTuple

from edge import __version__
from edge.records import Alert


class Direction(StrEnum):
    """Who publishes a topic: the device, or another client for the device to read."""

    PUBLISHED = "published"
    READ = "read"


class Topic(NamedTuple):
    """One topic, or one per alert.

    In its pattern `{base}` stands for `<prefix>/<device>`, `{name}` for an alert's name, `{id}` for
    the random id of this device (see `announced`). In its example `$` and a word stand for what
    differs from one configuration to the next; `table` fills it in.
    """

    pattern: str
    direction: Direction
    retained: bool
    qos: int
    example: str

    def of(self, base: str = "", name: str = "", device_id: str = "") -> str:
        """Return the topic of the device at `base`, which is `<prefix>/<device>`."""
        return self.pattern.format(base=base, name=name, id=device_id)


AVAILABILITY = Topic("{base}/availability", Direction.PUBLISHED, True, 1, "online")
STATE = Topic(
    "{base}/state", Direction.PUBLISHED, True, 1,
    '{"time": "2026-03-01T12:00:00.000+01:00", "emotion": "sad", "confidence": 0.8123,'
    ' "faces": 1, "fps": 14.9, "negative": $negative, "share": $share,'
    ' "camera": true, "paused": [], "snoozed": []}',
)  # fmt: skip
STATS = Topic(
    "{base}/stats", Direction.PUBLISHED, True, 1,
    '{"time": "2026-03-01T12:00:00.000+01:00", "fps": 14.9, "cpu_share": 0.212,'
    ' "ms": {"capture": 1.2, "scan": 3.4, "track": 0.9, "classify": 1.1, "log": 0.1,'
    ' "publish": 0.1}, "dropped": 3, "scan_every": 1, "temperature_c": 52.1,'
    ' "throttled": false, "rss_mb": 91.5, "last_frame_s": 0.1, "waiting": 0}',
)  # fmt: skip
ALERT = Topic(
    "{base}/alert", Direction.PUBLISHED, False, 1,
    '{"id": "5e0c…", "episode": "91d2…", "event_type": "raised", "name": "$name",'
    ' "face": null, "count": $count, "window_s": $window_s, "emotions": $emotions,'
    ' "time": "2026-03-01T12:00:00.000+01:00"}',
)  # fmt: skip
WATCHING = Topic("{base}/watching", Direction.PUBLISHED, True, 1, "ON")
ALERT_STATE = Topic("{base}/alert/{name}", Direction.PUBLISHED, True, 1, "ON")
#: Of alerts that count readings.
ALERT_LIMIT = Topic("{base}/alert/{name}/limit", Direction.PUBLISHED, True, 1, "$count")

WATCHING_SET = Topic("{base}/watching/set", Direction.READ, False, 1, "OFF")
CAMERA_RESTART = Topic("{base}/camera/restart", Direction.READ, False, 1, "PRESS")
ALERT_TEST = Topic("{base}/alert/{name}/test", Direction.READ, False, 1, "PRESS")
ALERT_SNOOZE = Topic("{base}/alert/{name}/snooze", Direction.READ, False, 1, "PRESS")
ALERT_LIMIT_SET = Topic("{base}/alert/{name}/limit/set", Direction.READ, False, 1, "$count")

DISCOVERY = Topic(
    "homeassistant/device/fer_edge_{id}/config", Direction.PUBLISHED, True, 1,
    '{"dev": {"ids": ["fer_edge_$id"], "name": "FER $device", "mf": "FER Edge", "sw": "$version"},'
    ' "o": {"name": "fer-edge", "sw": "$version"}, "avty": [{"t": "$base/availability"}],'
    ' "cmps": {"faces": {"p": "sensor", "uniq_id": "fer_edge_${id}_faces", "name": "Faces",'
    ' "stat_t": "$base/state", "val_tpl": "{{ value_json.faces }}"}}}',
)  # fmt: skip
BIRTH = Topic("homeassistant/status", Direction.READ, False, 0, "online")

_COUNTING = {ALERT_LIMIT, ALERT_LIMIT_SET}
#: With `mqtt.discovery` off, without the last two.
TOPICS = (
    AVAILABILITY, WATCHING, STATE, STATS, ALERT, ALERT_STATE, ALERT_LIMIT,
    WATCHING_SET, CAMERA_RESTART, ALERT_TEST, ALERT_SNOOZE, ALERT_LIMIT_SET,
    DISCOVERY, BIRTH,
)  # fmt: skip


def table(
    base: str,
    alerts: Sequence[Alert],
    counting: Collection[str],
    device_id: str,
    *,
    discovery: bool,
) -> Iterator[tuple[str, Topic]]:
    """Yield every topic of the device at `base`, written out, with its row and a filled in example.

    `alerts`: each as it would be raised; `counting` are the names of those that count readings.
    """
    counts = {alert.name: alert.count // 2 for alert in alerts if alert.name in counting}
    of_device = {
        "base": base,
        "device": base.rpartition("/")[2],
        "id": device_id,
        "version": __version__,
        "negative": json.dumps(counts),
        "share": json.dumps(dict.fromkeys(counts, 0.125)),
    }
    for row in TOPICS:
        if row in {DISCOVERY, BIRTH} and not discovery:
            continue
        about: list[Alert | None] = [None]
        if "{name}" in row.pattern:
            about = [a for a in alerts if row not in _COUNTING or a.name in counting]
        elif row == ALERT:  # one topic for all: the first is the example
            about = list(alerts[:1])
        for alert in about:
            of_alert = _of_alert(alert) if alert else {}
            example = Template(row.example).substitute(of_device, **of_alert)
            name = alert.name if alert else ""
            yield row.of(base, name, device_id), row._replace(example=example)


def _of_alert(alert: Alert) -> dict[str, str]:
    return {
        "name": alert.name,
        "count": str(alert.count),
        "window_s": str(alert.window_s),
        "emotions": json.dumps(alert.emotions),
    }


def is_ours(
    topic: str, base: str, device_id: str | None, alerts: Collection[str] | None = None
) -> bool:
    """Return whether the device at `base` publishes `topic`; with an id, also its discovery.

    Of alerts, only those named in `alerts`; None for any.
    """
    name = topic.removeprefix(f"{base}/alert/").partition("/")[0]
    if topic.startswith(f"{base}/alert/") and alerts is not None and name not in alerts:
        return False
    if device_id is not None and topic == DISCOVERY.of(device_id=device_id):
        return True
    ours = {row.of(base, name) for row in TOPICS if row.direction is Direction.PUBLISHED}
    return topic in ours - {ALERT_STATE.of(base)} and topic != DISCOVERY.of(base, name)
