"""What follows an alert: messages for other devices, and notifications for people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from edge.config.binding import checked, message_text, one_of, shown
from edge.config.placeholders import wrong

#: A text, or a table that is sent as JSON.
Payload: TypeAlias = str | Mapping[str, Any]
#: Bytes of a string in MQTT, which counts them in 16 bits.
_LONGEST_TOPIC = 65535
#: Topics on which Home Assistant listens for devices and says that it has started.
_HOME_ASSISTANT = re.compile(r"homeassistant/(status|.*/config)")
#: A topic of ntfy, as its server has it (https://docs.ntfy.sh/publish).
_NTFY_TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")


def _texts(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Yield every string that may hold placeholders, and where in `value` it is."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{where}.{shown(key)}")
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _texts(item, f"{where}[{at}]")


def _topic(topic: str) -> Iterator[tuple[str, str]]:
    if len(topic.encode()) > _LONGEST_TOPIC:
        yield "", f"must not be longer than {_LONGEST_TOPIC} bytes"
    if set("+#") & set(topic):
        yield "", f"{topic!r}: wildcards + and # are for reading; name one topic"
    if topic.startswith("$"):
        yield "", f"{topic!r}: topics with $ are the broker's own; name another one"
    if any(sign.isspace() for sign in topic):
        yield "", f"{topic!r}: must not contain spaces"
    if set("{}") & set(topic):
        yield "", f"{topic!r}: placeholders are for the payload; write the topic in full"
    if _HOME_ASSISTANT.fullmatch(topic):
        yield "", f"{topic!r}: is for announcing devices to Home Assistant; name another one"


def _ntfy(address: str) -> Iterator[tuple[str, str]]:
    """Yield what is wrong, without the address: who knows it may write to it, and read."""
    if address and not _is_ntfy(address):
        yield "", "must be https://SERVER/TOPIC, without a password; a token goes in token_file"


def _is_ntfy(address: str) -> bool:
    from urllib.parse import urlsplit  # noqa: PLC0415 (what few configurations need)

    try:
        url = urlsplit(address)
        known = url.scheme in {"http", "https"} and url.hostname and url.port != 0
    except ValueError:  # brackets, or a port that is not a number
        return False
    plain = "@" not in url.netloc and not set("?# ") & set(address) and address.isascii()
    return bool(known and plain and _NTFY_TOPIC.fullmatch(url.path.rpartition("/")[2]))


def _tags(tags: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for at, tag in enumerate(tags):
        if not tag or "," in tag or not tag.isascii():
            yield f"[{at}]", "must be ASCII without a comma"


@dataclass(frozen=True)
class ActionConfig:
    """One MQTT message, published when the alert is raised, or when it is cleared."""

    on: str = one_of("raised", "raised", "cleared")
    topic: str = checked("", _topic)
    payload: Payload = field(default="", metadata={"lines": True, "tables": True})
    qos: int = one_of(1, 0, 1)
    retain: bool = False


@dataclass(frozen=True)
class NotifyConfig:
    """One notification, by ntfy or by the services of Apprise's URLs, one a line in a file.

    `title` and `message` "" are ours. `token_file`: its first line is an access token of ntfy.
    """

    on: str = one_of("raised", "raised", "cleared")
    ntfy: str = checked("", _ntfy)
    token_file: Path | None = None
    priority: str = one_of("default", "min", "low", "default", "high", "urgent")
    tags: tuple[str, ...] = checked((), _tags)
    apprise_file: Path | None = None
    title: str = message_text("")
    message: str = message_text("")


@dataclass(frozen=True, kw_only=True)
class ReactionsConfig:
    """What follows an alert, in this order: the part that the settings of all alerts share."""

    actions: tuple[ActionConfig, ...] = ()
    notify: tuple[NotifyConfig, ...] = ()

    @property
    def to_its_end(self) -> bool:
        """Whether anything follows when the alert is cleared."""
        return "cleared" in {each.on for each in self.actions} | {each.on for each in self.notify}


class AlertReactions(NamedTuple):
    """What follows the alert of that `name`, as in topics; `where` is its table's name."""

    name: str
    where: str
    actions: tuple[ActionConfig, ...]
    notify: tuple[NotifyConfig, ...]

    @classmethod
    def of(cls, name: str, where: str, config: ReactionsConfig) -> AlertReactions:
        """Return those of `config`."""
        return cls(name, where, config.actions, config.notify)


def reaction_problems(config: ReactionsConfig, base: str, *, counts: bool) -> Iterator[str]:
    """Yield a line for every error; the topics of the device itself begin with `base`.

    `counts`: whether the alert counts readings, which some placeholders are about.
    """
    for at, action in enumerate(config.actions):
        yield from (f"actions[{at}].{line}" for line in _action_problems(action, base))
        yield from (f"actions[{at}].{line}" for line in _wrong(action, "payload", counts=counts))
    for at, notify in enumerate(config.notify):
        yield from (f"notify[{at}].{line}" for line in _notify_problems(notify))
        for key in ("title", "message"):
            yield from (f"notify[{at}].{line}" for line in _wrong(notify, key, counts=counts))


def _action_problems(action: ActionConfig, base: str) -> Iterator[str]:
    topic = action.topic
    if not topic:
        yield "topic: must name the topic to publish to, such as 'zigbee2mqtt/lamp/set'"
    elif f"{topic}/".startswith(f"{base}/"):
        yield f"topic: {topic!r}: is this device's own; name a topic outside {base}/"


def _notify_problems(notify: NotifyConfig) -> Iterator[str]:
    if bool(notify.ntfy) == bool(notify.apprise_file):
        yield "ntfy: set this, such as 'https://ntfy.sh/my-topic', or apprise_file, not both"
    if notify.apprise_file:
        for key, default in {"token_file": None, "priority": "default", "tags": ()}.items():
            if getattr(notify, key) != default:
                yield f"{key}: is for ntfy only"


def _wrong(entry: ActionConfig | NotifyConfig, key: str, *, counts: bool) -> Iterator[str]:
    """Yield a line for every wrong placeholder in the texts of `key`."""
    for where, text in _texts(getattr(entry, key)):
        yield from (f"{key}{where}: {line}" for line in wrong(text, counts=counts))
