"""Reads config.toml, strictly: whatever is wrong is named with its place, and what is right."""

from __future__ import annotations

import tomllib
from pathlib import Path

from edge.config import BLIND, LONGEST, NAME, Config, Mqtt, most_readings, slug
from edge.errors import ConfigError, first_line
from edge.toml_record import record

SYSTEM_CONFIG = Path("/etc/fer-edge/config.toml")


class NotOurs(ConfigError):
    """The system's configuration, which only root and the service may read."""


def load(path: Path | None) -> Config:
    """The configuration at `path`, else the system's, else the defaults.

    Raises `ConfigError`, whose text names the file, the key and the fix.
    """
    place = SYSTEM_CONFIG if path is None else path
    try:
        text = place.read_bytes().decode("utf-8-sig")  # some editors begin it with a mark
    except OSError as error:
        if path is None and isinstance(error, FileNotFoundError):
            return Config()
        if path is None and isinstance(error, PermissionError):
            raise NotOurs(
                f"{place}: not yours to read; try with sudo, or name another with --config FILE"
            ) from error
        raise ConfigError(f"{place}: cannot read the configuration: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{place}: must be UTF-8 text (at line {line})") from error
    return parse(text, str(place))


def parse(text: str, name: str) -> Config:
    """The configuration in `text`, TOML; `name` stands before every complaint."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # the latter for brackets a thousand deep
        lines = text.rstrip("\n").split("\n")
        end = f"at line {len(lines)}, column {len(lines[-1]) + 1}"
        reason = first_line(error).replace("at end of document", end)
        raise ConfigError(f"{name}: not valid TOML: {reason}") from error
    try:
        config = record(Config, table)
        _check(config)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    return config


def _check(config: Config) -> None:
    """What no single value shows."""
    if config.device and not NAME.fullmatch(slug(config.device)):
        raise ConfigError("device: must have 1 to 32 characters")
    if not config.camera.source:
        raise ConfigError("camera.source: must not be empty; 'auto' takes the first camera")
    for at, (x, y, width, height) in enumerate(config.faces.ignore):
        if not (0 <= x < 1 and 0 <= y < 1 and 0 < width <= 1 and 0 < height <= 1):
            raise ConfigError(
                f"faces.ignore[{at}]: [x, y, width, height] must be shares from 0 to 1"
            )
    if 0 < config.faces.blind_after_h * 3600 <= config.mood.reading_interval_s:
        raise ConfigError("faces.blind_after_h: must be longer than mood.reading_interval_s")
    _check_mqtt(config.mqtt)
    _check_alerts(config)


def _check_mqtt(mqtt: Mqtt) -> None:
    for key, longest in {"username": LONGEST, "prefix": 1000}.items():
        if len(getattr(mqtt, key).encode()) > longest:
            raise ConfigError(f"mqtt.{key}: must not be longer than {longest} bytes")
    try:
        mqtt.host.encode("idna")  # as connecting will do
    except UnicodeError as error:
        raise ConfigError("mqtt.host: is no host name: a part is empty, or too long") from error
    prefix = mqtt.prefix
    if not prefix or prefix != prefix.strip("/") or set("+#") & set(prefix) or prefix[0] == "$":
        raise ConfigError("mqtt.prefix: must be a topic without + # $ and outer /")


def _check_alerts(config: Config) -> None:
    names = [rule.name for rule in config.alerts]
    for at, rule in enumerate(config.alerts):
        where = f"alerts[{at}]"
        if not NAME.fullmatch(rule.name):
            raise ConfigError(f"{where}.name: must be 1 to 32 of a-z 0-9 _ -, not {rule.name!r}")
        if rule.name == BLIND and config.faces.blind_after_h:
            raise ConfigError(f"{where}.name: '{BLIND}' is the name of faces.blind_after_h's alert")
        if names.count(rule.name) > 1:
            raise ConfigError(f"{where}.name: '{rule.name}' is there twice; names must differ")
        if rule.clear_count >= rule.count:
            raise ConfigError(f"{where}.clear_count: must be below count ({rule.count})")
        most = most_readings(rule, config.mood)
        if rule.per_face and rule.count > most:
            raise ConfigError(
                f"{where}.count: with per_face it is never raised: within window_s a face has at"
                f" most {most:.0f} readings, one every mood.reading_interval_s; make count less"
            )
