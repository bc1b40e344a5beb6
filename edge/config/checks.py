"""Checks that span several keys: a line for every error and every warning."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from edge.config import quiet
from edge.config.actions import reaction_problems
from edge.config.alerts import BLIND, TREND
from edge.config.names import fits, slug
from edge.config.schema import LONGEST, Config, MqttConfig
from edge.errors import ConfigError

#: What turns on the alerts that are not in a list.
SWITCHES = {BLIND: "faces.blind_after_h", TREND: "trend.enabled"}


def problems(config: Config) -> Iterator[str]:
    """Yield a line for every error: a key, and what is wrong with it."""
    if config.device and not fits(config.device):
        yield f"device: {_unfit(config.device)}"
    if not config.camera.source:
        yield "camera.source: must not be empty; 'auto' takes the first camera"
    for at, (x, y, width, height) in enumerate(config.faces.ignore):
        if not (0 <= x < 1 and 0 <= y < 1 and 0 < width <= 1 and 0 < height <= 1):
            yield f"faces.ignore[{at}]: [x, y, width, height] must be fractions from 0 to 1"
    if 0 < config.faces.blind_after_h * 3600 <= config.mood.reading_interval_s:
        yield "faces.blind_after_h: must be longer than mood.reading_interval_s"
    for at, span in enumerate(config.watching.quiet):
        try:
            quiet.parse(span)
        except ConfigError as problem:
            yield f"watching.quiet[{at}]: {problem}"
    yield from _mqtt(config.mqtt)
    yield from _alerts(config)


def _unfit(name: str) -> str:
    return f"{name!r} cannot be written with 1 to 32 of a-z 0-9 _ - in topics; choose another name"


def _mqtt(mqtt: MqttConfig) -> Iterator[str]:
    for key, longest in {"username": LONGEST, "prefix": 1000}.items():
        if len(getattr(mqtt, key).encode()) > longest:
            yield f"mqtt.{key}: must not be longer than {longest} bytes"
    try:
        mqtt.host.encode("idna")  # as connecting will do
        if not _is_host(mqtt.host):  # which may hold a password: it is not repeated
            yield "mqtt.host: a name or an address only; the port goes in mqtt.port"
    except UnicodeError:
        yield "mqtt.host: not a host name: a part is empty or too long"
    prefix = mqtt.prefix
    if not prefix or prefix != prefix.strip("/") or set("+#") & set(prefix) or prefix[0] == "$":
        yield "mqtt.prefix: must be a topic without + # $ and outer /"


def _is_host(host: str) -> bool:
    if ":" not in host:
        return not set("/@[]") & set(host)
    import ipaddress  # noqa: PLC0415 (what few configurations need)

    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def _alerts(config: Config) -> Iterator[str]:
    base = f"{config.mqtt.prefix}/{config.device_name}"
    owners = {name: SWITCHES[name] for name in config.other_alerts}
    for at, rule in enumerate(config.alerts):
        where = f"alerts[{at}]"
        if not fits(rule.name):
            yield f"{where}.name: {_unfit(rule.name)}"
        owner = owners.setdefault(slug(rule.name), f"{where}.name")
        if owner != f"{where}.name":
            yield f"{where}.name: duplicate name '{slug(rule.name)}', see {owner}"
        if rule.clear_count >= rule.count:
            yield f"{where}.clear_count: must be below count ({rule.count})"
        most = rule.most_readings(config.mood.reading_interval_s)
        if rule.per_face and rule.count > most:
            yield (
                f"{where}.count: with per_face it is never raised: within window_s a face has at"
                f" most {most:.0f} readings, one every mood.reading_interval_s; make count less"
            )
        yield from (f"{where}.{line}" for line in reaction_problems(rule, base, counts=True))
    for name, other in config.other_reactions.items():
        yield from (f"{name}.{line}" for line in reaction_problems(other, base, counts=False))


def warnings(config: Config) -> Iterator[str]:
    """Yield warnings about valid but probably unintended settings."""
    yield from changed_names(config)
    yield from unreachable_rules(config)
    yield from idle_reactions(config)


def changed_names(config: Config) -> Iterator[str]:
    """Yield a line for every name that is written differently in topics."""
    host, device = socket.gethostname(), config.device_name
    if not config.device and host != device:
        yield f"device: the host name '{host}' is '{device}' in topics"
    names = {"device": config.device}
    names |= {f"alerts[{at}].name": rule.name for at, rule in enumerate(config.alerts)}
    for key, name in names.items():
        if name != slug(name):
            yield f"{key}: '{name}' is '{slug(name)}' in topics"


def unreachable_rules(config: Config) -> Iterator[str]:
    """Yield a line for every alert that no single face can raise, or hardly."""
    for at, rule in enumerate(config.alerts):
        most = rule.most_readings(config.mood.reading_interval_s)
        if rule.count > most:
            yield (
                f"alerts[{at}].count: {rule.count} within window_s is more than one face gives,"
                f" a reading every mood.reading_interval_s: at most {most:.0f}"
            )
        if rule.share == 1:
            yield (
                f"alerts[{at}].share: 1 is all of them: a single clear reading of anything else"
                " keeps the alert from being raised; half of them is 0.5"
            )


def idle_reactions(config: Config) -> Iterator[str]:
    """Yield a line for every alert whose actions have nowhere to go, or that is off."""
    for alert in config.reactions:
        if alert.actions and not config.mqtt.host:
            yield f"{alert.where}.actions: nothing is sent without a broker; set mqtt.host"
    for name, other in config.other_reactions.items():
        if (other.actions or other.notify) and name not in config.other_alerts:
            yield f"{name}: this alert is off, so it is never raised; set {SWITCHES[name]}"
